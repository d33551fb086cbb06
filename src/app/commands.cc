#include "app/background.h"
#include "app/civi_settings.h"
#include "app/command_list.h"

namespace coworker::app {
namespace {

const Positional kQueue{"QUEUE", "Name of the queue"};

Command add() {
  return {"add",
          "addjob",
          "Add a job; prints its id",
          "  coworker add mail '{\"to\":\"a@example.org\"}' --delay 10m\n"
          "  jq -c '.[]' orders.json | coworker add orders --stdin",
          {kQueue, {"JSON", "The body", false}},
          {{"--stdin", "",
            "A body per line of standard input; stops at the first line that "
            "cannot be added"},
           {"-d,--delay", "DURATION", "Before it may run (10, 250ms, 5m, 2h)"},
           {"--priority", "N", "-128 (first) to 127 (default: 0)"},
           {"--unique", "KEY",
            "While a job with this key is in the queue, print that one's id "
            "instead"},
           {"--group", "KEY", "Jobs of a group take turns with other groups"},
           {"--ttl", "DURATION", "For all its attempts together (default: the queue's job_lifetime)"},
           {"--process-timeout", "DURATION", "For one attempt (default: the queue's job_process_timeout)"},
           {"--retry", "DURATION", "A silent consumer is given up after this; 0 = never run it again"},
           {"--idempotency-key", "KEY",
            "Adding again with this key prints the first one's id, also when it is "
            "done"},
           {"--idempotency-window", "DURATION", "How long that key is remembered (default: 24h)"},
           {"--max-length", "N", "Refuse when so many jobs wait in the queue"},
           {"--metadata", "JSON", "An object that travels with the job"},
           {"--ids", "", "With --stdin: print the ids"},
           {"--progress", "", "Show progress also when standard error is no terminal"}},
          run_add};
}

Command schedule() {
  std::vector<Flag> flags = section_flags("schedule");
  flags.push_back({"--watch", "", "Go on each minute, until SIGTERM or SIGINT"});
  return {"schedule",
          "",
          "Add the jobs that the crontab wants in this minute; call it each minute, or with --watch once",
          "  * * * * * coworker schedule --crontab /etc/app/crontab --store unix:/run/coworker/broker.sock",
          {},
          std::move(flags),
          run_schedule};
}

std::vector<Flag> run_flags() {
  std::vector<Flag> flags = civi_flags();
  flags.push_back({"--bootstrap", "FILE", "A shared library with inline workers"});
  const std::vector<Flag> background = background_flags();
  flags.insert(flags.end(), background.begin(), background.end());
  flags.push_back({"--control", "ADDRESS", "Of the control socket, instead of the configured ones", true});
  flags.push_back({"--insecure", "", "Control addresses that others can reach need no token"});
  return flags;
}

std::vector<Command> civi_commands() {
  return {
      {"debug",
       "",
       "As run, with a fresh process for each task of CiviCRM, one at a time, and a log of everything",
       "  coworker debug --pipe='cv pipe'",
       {},
       run_flags(),
       run_debug},
      {"doctor",
       "",
       "Whether a CiviCRM site can be served: connects, shows what it says, and what to mend",
       "  coworker doctor --pipe='ssh web1 \"cd /var/www/site; cv pipe\"'",
       {},
       civi_flags(),
       run_doctor},
  };
}

std::vector<Command> work_commands() {
  return {
      add(),
      {"process",
       "processjob",
       "Run one job now, here; prints its result",
       "  coworker process resize '{\"file\":\"a.png\"}'",
       {kQueue, {"JSON", "The body"}},
       {{"--metadata", "JSON", "An object that the worker gets with it"},
        {"-d,--delay", "DURATION", "Refused: what is processed now is not delayed"}},
       run_process},
      {"run",
       "supervisor",
       "Serve the store and run the workers of the configuration, and the queues of a CiviCRM site",
       "  coworker run -c coworker.yml\n"
       "  coworker run --pipe='ssh web1 \"cd /var/www/site; cv pipe\"'\n"
       "  COWORKER_WEB_CREDENTIAL=TOKEN coworker run --web=https://example.org/civicrm/queue\n"
       "  coworker run --daemon --pidfile /run/app/coworker.pid",
       {},
       run_flags(),
       run_run},
      schedule(),
      {"schedule next",
       "",
       "The coming times of the crontab's rows; reports its mistakes",
       "  coworker schedule next 20 --crontab /etc/app/crontab",
       {{"N", "How many (default: 10)", false}},
       section_flags("schedule"),
       run_schedule_next},
      {"scheduler",
       "",
       "As schedule; takes -c for the crontab, as Disqontrol does",
       "  * * * * * coworker scheduler -c crontab",
       {},
       {{"-c,--crontab", "FILE", "The crontab"}},
       run_schedule},
      {"consumer", "", "", "", {{"WORDS", "", false, true}}, {}, run_consumer, true, false},
      {"keeper", "", "", "", {{"WORDS", "", false, true}}, {}, run_keeper, true, false},
  };
}

/// What commands for shared workers have in common.
const Positional kSharedTarget{
    "ADDRESS", "unix:PATH, tcp:HOST:PORT, tls:HOST:PORT, or a name of the configuration's shared workers"};
const Flag kCookieFile{"--cookie-file", "FILE", "Its first line is the admin cookie (default: COWORKER_ADMIN_COOKIE)"};
const Flag kCookie{"-a,--admin-cookie", "TEXT", "The cookie itself; others may see it, so prefer the file"};
const Flag kTlsCertificate{"--tls-certificate", "FILE", "Of our own, for tls:HOST:PORT (PEM)"};
const Flag kTlsKey{"--tls-key", "FILE", "Its key (default: in the certificate's file)"};

std::vector<Flag> with_access(std::vector<Flag> flags) {
  const std::vector<Flag> more{
      kCookieFile,
      kCookie,
      {"--tls-ca", "FILE", "Who must have signed the worker's certificate (default: whom the system trusts)"},
      kTlsCertificate,
      kTlsKey,
      {"--tls-name", "NAME", "What the worker's certificate must name (default: the host)"},
      {"--tls-no-verify", "", "Whoever the worker is"}};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

Command check_shared_worker() {
  Command check{"check-shared-worker",
                "",
                "Nagios plugin: a shared worker's counters, or the queues; exits with 0 to 3",
                "  coworker check-shared-worker unix:/run/app/counter.sock -m served -w 10 -c 20\n"
                "  coworker check-shared-worker --check queue --queue mail -m age -w 60 -c 600 -m dead -w 0 -c 10",
                {{"ADDRESS", kSharedTarget.text, false}},
                with_access({Flag{"-m,--counter", "NAME", "To test; of queues: age, depth or dead", true},
                             Flag{"-w,--warning", "RANGE",
                                  "Of the n-th counter, as Nagios writes it: 10, 5:, ~:3, 1:2, @1:2", true},
                             Flag{"-c,--critical", "RANGE", "The same", true},
                             Flag{"--timeout", "DURATION", "How long to wait (default: 10)"},
                             Flag{"--check", "WHAT", "worker (the default) or queue"},
                             Flag{"--queue", "NAME", "With --check queue: this one; else all together"}}),
                run_check_shared_worker};
  check.plugin = "SHARED-WORKER";
  return check;
}

std::vector<Command> shared_worker_commands() {
  const Flag timeout{"--timeout", "DURATION", "How long to wait"};
  return {
      {"shared start",
       "",
       "Start a shared worker",
       "  coworker shared start counter\n"
       "  coworker shared start unix:/run/app/counter.sock -- python3 counter.py",
       {kSharedTarget, {"COMMAND", "A program that is given the listening socket (LISTEN_FDS)", false, true}},
       {Flag{"--worker", "NAME", "Of this program"}, Flag{"--arguments", "JSON", "For its constructor"},
        Flag{"--output", "FILE", "Its prints are appended to it; default: they are lost"},
        Flag{"--drain", "DURATION", "After a stop: how long masters may stay (default: 10)"},
        Flag{"--insecure", "", "Also where others than this machine can reach it, without TLS"}, kCookieFile, kCookie,
        kTlsCertificate, kTlsKey,
        Flag{"--tls-client-ca", "FILE", "Who must have signed the certificates of masters (default: they need none)"}},
       run_shared_start},
      {"shared stop",
       "",
       "Stop a shared worker, and wait for its end",
       "  coworker shared stop unix:/run/app/counter.sock --cookie-file cookie",
       {kSharedTarget},
       with_access({timeout, Flag{"--no-wait", "", "Not until it has ended"}}),
       run_shared_stop},
      {"shared query",
       "",
       "Ask a shared worker how it is",
       "  coworker shared query counter --json\n"
       "  coworker shared query tls:app.example:7700 --tls-ca ca.pem",
       {kSharedTarget},
       with_access({timeout}),
       run_shared_query},
      {"shared list",
       "",
       "The shared workers that run on this machine, and the configured ones that do not",
       "  coworker shared list --json",
       {},
       {},
       run_shared_list},
      check_shared_worker(),
  };
}

std::vector<Command> shared_commands() {
  const Flag file{"--file", "FILE", "The kill switch (default: kill_switch of the configuration)"};
  const Positional addresses{"ADDRESS", "Of shared workers, unix:PATH or tcp:HOST:PORT", false, true};
  const Flag global{"--global", "", "All shared workers"};
  const Flag work{"--work", "", "Consumers and loop workers"};
  return {
      {"shared switch",
       "",
       "What the kill switch holds back",
       "  coworker shared switch --file kill-switch.json --json",
       {},
       {file},
       run_shared_switch},
      {"shared disable",
       "",
       "Let nothing new be started: of the named shared workers, of all, or any work",
       "  coworker shared disable unix:/run/app/counter.sock\n  coworker shared disable --all",
       {addresses},
       {file, global, work, {"--all", "", "All shared workers and all work"}},
       run_shared_disable},
      {"shared enable",
       "",
       "The opposite of shared disable",
       "  coworker shared enable --all",
       {addresses},
       {file, global, work, {"--all", "", "Everything that was disabled, in whatever way"}},
       run_shared_enable},
  };
}

std::vector<Command> look_commands() {
  return {
      {"queues", "", "Queues and how many jobs they hold", "  coworker queues --json", {}, {}, run_queues},
      {"list-queues",
       "",
       "Names of the configured queues, one a line",
       "  coworker list-queues -c coworker.yml",
       {},
       {},
       run_list_queues},
      {"jobs",
       "",
       "List jobs",
       "  coworker jobs --queue mail --state ready\n  coworker jobs --dead "
       "--json --limit 0",
       {},
       {{"--queue", "NAME", "Of this queue only"},
        {"--state", "STATE", "scheduled, ready or leased; may be given several times", true},
        {"--dead", "", "Only those that will not be retried"},
        {"--bodies", "", "Show what they say"},
        {"--limit", "N", "At most so many; 0 = all (default: 100)"}},
       run_jobs},
      {"job",
       "",
       "All that is known of a job, and what happened to it",
       "  coworker job D-0a1b2c3d-…-05a1\n  coworker job D-0a1b2c3d-…-05a1 --follow",
       {{"ID", "Its id; of a task of CiviCRM civi:QUEUE/ITEM", false}},
       {{"--follow", "", "Print what happens to it until it has ended; exit code 1: it went to a failure queue"}},
       run_job},
      {"job cancel",
       "",
       "Remove jobs, and stop those that run",
       "  coworker job cancel D-0a1b2c3d-…-05a1",
       {{"ID", "Their ids", true, true}},
       {},
       run_job_cancel},
      {"queue pause",
       "",
       "Stop handing out a queue's jobs (--in: stop taking jobs)",
       "  coworker queue pause mail",
       {kQueue},
       {{"--in", "", "Refuse new jobs"}, {"--out", "", "Hand out no jobs"}},
       run_queue_pause},
      {"queue resume",
       "",
       "Undo a pause",
       "  coworker queue resume mail",
       {kQueue},
       {{"--in", "", "Only take jobs again"}, {"--out", "", "Only hand out jobs again"}},
       run_queue_resume},
      {"queue purge",
       "",
       "Remove all jobs of a queue, running ones too",
       "  coworker queue purge mail",
       {kQueue},
       {},
       run_queue_purge},
  };
}

std::vector<Command> dead_commands() {
  const std::vector<Flag> filters{{"--queue", "NAME", "Only jobs that came from this queue"},
                                  {"--in", "NAME", "Only jobs that lie in this failure queue"},
                                  {"--reason", "TEXT", "Only jobs whose failure contains this"},
                                  {"--older", "DURATION", "Only jobs added longer ago than this"},
                                  {"--newer", "DURATION", "Only jobs added after that"},
                                  {"--id", "ID", "Only this job; may be given several times", true}};
  const auto with = [&](std::vector<Flag> more) {
    more.insert(more.begin(), filters.begin(), filters.end());
    return more;
  };
  const Flag limit{"--limit", "N", "At most so many; 0 = all (default: 0)"};
  const Flag progress{"--progress", "", "Show progress also when standard error is no terminal"};
  return {
      {"dead list",
       "",
       "Jobs in failure queues, which nobody retries",
       "  coworker dead list --queue mail --reason timeout --newer 1d",
       {},
       with({{"--limit", "N", "At most so many; 0 = all (default: 100)"}, {"--bodies", "", "Show what they say"}}),
       run_dead_list},
      {"dead show",
       "",
       "All that is known of a dead job",
       "  coworker dead show D-0a1b2c3d-…-05a1",
       {{"ID", "Its id"}},
       {},
       run_dead_show},
      {"dead retry",
       "",
       "Add dead jobs to the queues they came from, with counters and lifetime from the beginning",
       "  coworker dead retry --queue mail --reason 'connection refused'",
       {},
       with({limit, progress}),
       run_dead_retry},
      {"dead move",
       "",
       "Move dead jobs to another failure queue, where their 45 days begin anew",
       "  coworker dead move --queue mail --to mail-to-look-at",
       {},
       with({{"--to", "NAME", "Where to"}, limit, progress}),
       run_dead_move},
      {"dead purge",
       "",
       "Remove dead jobs for good; asks, or takes --yes",
       "  coworker dead purge --older 30d --yes",
       {},
       with({{"--yes", "", "Do not ask"}, limit, progress}),
       run_dead_purge},
  };
}

std::vector<Command> keep_commands() {
  std::vector<Flag> broker = section_flags("broker");
  broker.insert(broker.begin(), Flag{"--data", "DIR", "The store's directory; the same as --store file:DIR"});
  for (Flag& flag : background_flags()) broker.push_back(std::move(flag));
  return {
      {"broker",
       "",
       "Serve a store to other programs",
       "  coworker broker --data /var/lib/coworker --listen tcp:127.0.0.1:7711",
       {},
       std::move(broker),
       run_broker_command},
      {"store stat", "", "Totals of the store", "  coworker store stat --json", {}, {}, run_store_stat},
      {"store verify",
       "",
       "Read the whole journal and compare all checksums",
       "  coworker store verify --store file:DIR",
       {},
       {{"--progress", "", "Show progress also when standard error is no terminal"}},
       run_store_verify},
      {"store backup",
       "",
       "Copy the store, also while a broker serves it",
       "  coworker store backup /backup/today",
       {{"TARGET", "An empty directory, or one that does not exist"}},
       {{"--progress", "", "Show progress also when standard error is no terminal"}},
       run_store_backup},
      {"config check",
       "",
       "Read the configuration and report all mistakes",
       "  coworker config check -c coworker.yml",
       {},
       {},
       run_config_check},
      {"config show",
       "",
       "The values in effect, and where each comes from",
       "  coworker config show",
       {},
       {},
       run_config_show},
      {"config docs",
       "",
       "The manual of all keys",
       "  coworker config docs > configuration.md",
       {},
       {},
       run_config_docs,
       true,
       false},
  };
}

}  // namespace

std::vector<Command> commands() {
  std::vector<Command> all = work_commands();
  for (std::vector<Command> part : {control_commands(), civi_commands(), look_commands(), dead_commands(),
                                    shared_worker_commands(), shared_commands(), keep_commands()}) {
    for (Command& command : part) all.push_back(std::move(command));
  }
  return all;
}

}  // namespace coworker::app
