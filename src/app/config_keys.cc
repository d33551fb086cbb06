#include "app/config_keys.h"

#include <algorithm>
#include <array>

#include "app/config_keys_civi.h"

namespace coworker::app {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSecond = 1000;

constexpr std::array kMostKeys{
    Key{Scope::root, "store", Kind::address, "file:./coworker-data",
        "Where jobs live: file:DIR, unix:PATH, tcp:HOST:PORT, tls:HOST:PORT, or disque://HOST:PORT,… for servers of "
        "that protocol."},
    Key{Scope::root, "bootstrap", Kind::path, "", "A shared library with inline workers (coworker_bootstrap_v1)."},
    Key{Scope::root, "kill_switch", Kind::path, "",
        "File that holds back shared workers, or all new work: see coworker shared switch."},
    Key{Scope::root, "password_file", Kind::path, "",
        "File whose first line is the password for the store; COWORKER_PASSWORD works too."},
    Key{Scope::root,
        "lease",
        Kind::duration,
        "15s",
        "A job whose consumer has been silent for this long is given to another one; consumers renew it at a third.",
        {},
        kSecond},
    Key{Scope::root, "stop_grace", Kind::duration, "10s", "At a stop: how long running jobs may take to finish."},
    Key{Scope::root, "kill_grace", Kind::duration, "5s",
        "Between SIGTERM and SIGKILL when the time of a worker is up."},

    Key{Scope::broker, "listen", Kind::addresses, "",
        "Addresses to serve, unix:PATH, tcp:HOST:PORT or tls:HOST:PORT. None: broker.sock in the store's directory."},
    Key{Scope::broker, "peer", Kind::addresses, "",
        "Other brokers, tcp:HOST:PORT, that clients of disque:// are told of; each keeps its own jobs."},
    Key{Scope::broker, "durability", Kind::choice, "commit",
        "When an add is answered: commit = after it is synced to the disk; interval = synced every sync_interval; "
        "none = whenever the system does it.",
        "commit interval none"},
    Key{Scope::broker,
        "sync_interval",
        Kind::duration,
        "100ms",
        "Time between syncs with durability: interval.",
        {},
        1},
    Key{Scope::broker, "acks", Kind::choice, "write",
        "When an ack is answered: write = after it was written; commit = after it is synced to the disk.",
        "write commit"},
    Key{Scope::broker, "password_file", Kind::path, "",
        "File whose first line is the password that clients must give (AUTH)."},
    Key{Scope::broker, "tls_certificate", Kind::path, "",
        "PEM file of the certificate, and what leads to its root, for addresses tls:HOST:PORT."},
    Key{Scope::broker, "tls_key", Kind::path, "", "PEM file of its key; none: it is in the certificate's file."},
    Key{Scope::broker, "tls_client_ca", Kind::path, "",
        "PEM file: clients must show a certificate that these signed. None: they need no certificate."},
    Key{Scope::broker, "segment_size", Kind::size, "0",
        "Bytes of one file of the journal; 0 = chosen by the disk's size."},
    Key{Scope::broker, "history_size", Kind::size, "1G",
        "Bytes kept of what happened to jobs, at most a sixteenth of the disk; 0 = nothing is kept."},
    Key{Scope::broker, "history_age", Kind::duration, "7d", "How long it is kept."},
    Key{Scope::broker, "max_clients", Kind::integer, "10000", "Connections at the same time.", {}, 1, 1'000'000},
    Key{Scope::broker, "drain", Kind::duration, "5s", "At a stop: how long clients may take to fetch their replies."},
    Key{Scope::broker, "insecure", Kind::boolean, "false",
        "Serve addresses that are not on this machine's loopback without a password or TLS."},

    Key{Scope::control, "listen", Kind::addresses, "",
        "Addresses of the control socket, unix:PATH, tcp:HOST:PORT or tls:HOST:PORT (10042). None: control.sock in the "
        "store's "
        "directory, else in $XDG_RUNTIME_DIR/coworker or /run/coworker."},
    Key{Scope::control, "insecure", Kind::boolean, "false",
        "Serve addresses that are not on this machine's loopback without a token or callers' certificates."},
    Key{Scope::control, "max_clients", Kind::integer, "1000", "Connections at the same time.", {}, 1, 100'000},
    Key{Scope::control, "max_request", Kind::size, "4M", "Bytes of one request, less than 16M."},
    Key{Scope::control,
        "read_timeout",
        Kind::duration,
        "30s",
        "A client that has begun a request must have sent it in this time.",
        {},
        10},
    Key{Scope::control_entry, "address", Kind::address, "", "One address, as in listen."},
    Key{Scope::control_place, "protocol", Kind::choice, "standard",
        "standard = JSON-RPC and XML-RPC, as lines, frames and HTTP; comodojo = the envelopes of comodojo's client.",
        "standard comodojo"},
    Key{Scope::control_place, "token_file", Kind::path, "",
        "File whose first line callers must name: system.authenticate, or Authorization: Bearer over HTTP."},
    Key{Scope::control_place, "access", Kind::choice, "operate", "look = what changes nothing; operate = everything.",
        "look operate"},
    Key{Scope::control_place, "mode", Kind::text, "0600", "Mode of a unix socket's file."},
    Key{Scope::control_place, "tls_certificate", Kind::path, "",
        "PEM file of the certificate, and what leads to its root, of an address tls:HOST:PORT."},
    Key{Scope::control_place, "tls_key", Kind::path, "", "PEM file of its key; none: it is in the certificate's file."},
    Key{Scope::control_place, "tls_client_ca", Kind::path, "", "Callers must show a certificate that these signed."},

    Key{Scope::queue, "job_process_timeout", Kind::duration, "600", "An attempt is killed after this; 0 = no limit."},
    Key{Scope::queue,
        "job_lifetime",
        Kind::duration,
        "30d",
        "How long a job may take from its creation to its end, all retries included.",
        {},
        kSecond},
    Key{Scope::queue,
        "max_retries",
        Kind::integer,
        "37",
        "Retries before a job goes to the failure queue.",
        {},
        0,
        1'000'000},
    Key{Scope::queue,
        "max_crashes",
        Kind::integer,
        "3",
        "A job whose worker died this often goes to the failure queue; 0 = no such limit.",
        {},
        0,
        65'535},
    Key{Scope::queue,
        "concurrency",
        Kind::integer,
        "0",
        "Jobs of a queue that run at the same time, on all machines together; 0 = no limit.",
        {},
        0,
        1'000'000'000},
    Key{Scope::queue,
        "group_limit",
        Kind::integer,
        "0",
        "The same for the jobs of one group key (add --group); 0 = no limit.",
        {},
        0,
        1'000'000'000},
    Key{Scope::queue,
        "weight",
        Kind::integer,
        "1",
        "Jobs taken in one turn when a consumer serves several queues.",
        {},
        1,
        1'000'000},
    Key{Scope::queue,
        "priority",
        Kind::integer,
        "0",
        "Of the jobs that are added without one; -128 (first) to 127.",
        {},
        -128,
        127},
    Key{Scope::queue, "failure_strategy", Kind::text, "retry",
        "retry = again after a growing delay; retry_immediately = again at once; or one that the program registers "
        "(App::hooks)."},
    Key{Scope::queue, "failure_queue", Kind::text, "failed-jobs", "Where jobs go that are not retried any more."},

    Key{Scope::worker, "type", Kind::choice, "",
        "command = a program per job; inline = a C++ function in the consumer; isolated = the same function in a "
        "process "
        "per job; http = a request per job; pipe = programs that take one job after another. See workers.md.",
        "command inline isolated http pipe"},
    Key{Scope::worker, "command", Kind::command, "",
        "What to run for the types command and pipe, a list of words or one text that is split like a shell does."},
    Key{Scope::worker, "name", Kind::text, "",
        "The registered function for the types inline and isolated; none: the queue's name."},
    Key{Scope::worker, "directory", Kind::path, "", "Working directory of its processes; none: the consumer's."},
    Key{Scope::worker, "environment", Kind::pairs, "", "Variables added to the environment of its processes."},
    Key{Scope::worker, "memory", Kind::size, "0", "Bytes that a process of it may allocate; 0 = no limit."},
    Key{Scope::worker, "address", Kind::text, "",
        "URL for type http; {queue}, {id} and {name} of a placeholder are replaced, percent-encoded."},
    Key{Scope::worker, "method", Kind::choice, "POST",
        "POST and others send body and metadata as a form; GET, HEAD and DELETE as parameters of the query.",
        "GET HEAD DELETE POST PUT PATCH"},
    Key{Scope::worker, "headers", Kind::pairs, "", "Headers of each request."},
    Key{Scope::worker, "placeholders", Kind::pairs, "",
        "What replaces {name} in the address; NAME: TEXT may also stand directly beside the address."},
    Key{Scope::worker,
        "redirects",
        Kind::integer,
        "0",
        "Redirects that are followed; 0 = a redirect is a failure.",
        {},
        0,
        100},
    Key{Scope::worker, "authorities", Kind::path, "",
        "PEM file of the authorities whose certificates are trusted, instead of the system's."},
    Key{Scope::worker, "response_limit", Kind::size, "1M", "Bytes of a response; a longer one is a failure."},
    Key{Scope::worker,
        "count",
        Kind::integer,
        "1",
        "Processes of type pipe at the same time, in each consumer.",
        {},
        1,
        10'000},
    Key{Scope::worker,
        "requests",
        Kind::integer,
        "0",
        "Jobs after which such a process is replaced; 0 = never.",
        {},
        0,
        1'000'000'000},
    Key{Scope::worker, "lifetime", Kind::duration, "0", "Age at which such a process is replaced; 0 = never."},
    Key{Scope::worker, "idle", Kind::duration, "0", "Such a process without work for so long is ended; 0 = never."},
    Key{Scope::worker, "max_memory", Kind::size, "0",
        "Such a process that ever held more bytes of memory is replaced after its job; 0 = never."},

    Key{Scope::consumer, "min_processes", Kind::integer, "1", "Consumer processes kept running.", {}, 1, 10'000},
    Key{Scope::consumer, "max_processes", Kind::integer, "5", "Upper bound for scaling.", {}, 1, 10'000},
    Key{Scope::consumer, "autoscale", Kind::boolean, "true", "Start more consumers while jobs wait."},
    Key{Scope::consumer,
        "job_batch",
        Kind::integer,
        "10",
        "Jobs that one consumer runs at the same time.",
        {},
        1,
        10'000},
    Key{Scope::consumer,
        "prefetch",
        Kind::integer,
        "0",
        "Jobs held by one consumer beyond those that run, so that a free slot need not wait for the store. For many "
        "tiny "
        "jobs.",
        {},
        0,
        10'000},
    Key{Scope::consumer_entry, "queues", Kind::texts, "", "The queues these processes work on."},

    Key{Scope::schedule, "crontab", Kind::path, "",
        "A file whose rows add jobs: five time fields, queue, body; read again when it changes."},
    Key{Scope::schedule, "time_zone", Kind::text, "",
        "Of rows that name none, like Europe/Paris; none: the machine's own."},
    Key{Scope::schedule, "catch_up", Kind::choice, "none",
        "What is done about minutes without a scheduler: none = nothing; last = each row's last one is made up for; "
        "all = all are.",
        "none last all"},
    Key{Scope::schedule, "window", Kind::duration, "1h", "How far back minutes are caught up.", {}, 60 * kSecond},

    Key{Scope::tls, "ca", Kind::path, "",
        "PEM file: servers must have a certificate that these signed. None: the authorities that the system knows."},
    Key{Scope::tls, "certificate", Kind::path, "", "PEM file of the certificate that servers may ask for."},
    Key{Scope::tls, "key", Kind::path, "", "PEM file of its key; none: it is in the certificate's file."},
    Key{Scope::tls, "name", Kind::text, "", "What certificates of servers must name; none: the host of the address."},
    Key{Scope::tls, "verify", Kind::boolean, "true",
        "Whether servers must be who they are called. Only for trials: no."},

    Key{Scope::loop, "type", Kind::choice, "",
        "command = a program per round; pipe = a long-lived program that is told each round; inline = a C++ class that "
        "the program registers. None: command where there is one, else inline. See loops.md.",
        "command pipe inline"},
    Key{Scope::loop, "command", Kind::command, "",
        "What to run for the types command and pipe, a list of words or one text that is split like a shell does."},
    Key{Scope::loop, "worker", Kind::text, "", "The registered class for the type inline; none: the name it has here."},
    Key{Scope::loop, "id", Kind::text, "", "Names it to other programs, whatever its name is; none: its name."},
    Key{Scope::loop, "logger", Kind::text, "", "What its lines in the log begin with; none: its name."},
    Key{Scope::loop, "looptime", Kind::duration, "1s", "From the start of one round to the start of the next.", {}, 1},
    Key{Scope::loop, "jitter", Kind::duration, "0", "Each round starts up to so much later, by chance."},
    Key{Scope::loop, "forever", Kind::boolean, "true",
        "Started again when its process ends; else the end of its process stops everything, with exit code 1."},
    Key{Scope::loop, "hang", Kind::duration, "0",
        "A worker that gives no sign of life for so long while it works is killed; 0 = never."},
    Key{Scope::loop,
        "restarts",
        Kind::integer,
        "10",
        "Starts in a row, after which it is given up (fatal); 0 = never.",
        {},
        0,
        1'000'000},
    Key{Scope::loop, "user", Kind::text, "", "Who it runs as: user, or user:group; needs the right to become that."},
    Key{Scope::loop,
        "niceness",
        Kind::integer,
        "0",
        "Added to that of the supervisor; below 0 needs the right to.",
        {},
        -40,
        40},
    Key{Scope::loop, "directory", Kind::path, "", "Working directory; none: the supervisor's."},
    Key{Scope::loop, "environment", Kind::pairs, "", "Variables added to its environment."},
    Key{Scope::loop, "memory", Kind::size, "0", "Bytes that each of its processes may allocate; 0 = no limit."},
    Key{Scope::loop, "cpu", Kind::duration, "0", "CPU time of each of its processes, in whole seconds; 0 = no limit."},
    Key{Scope::loop,
        "open_files",
        Kind::integer,
        "0",
        "Descriptors of each of its processes; 0 = as inherited.",
        {},
        0,
        1'000'000'000},
    Key{Scope::loop, "after", Kind::texts, "",
        "Loop workers that must have spun up before it starts; it is stopped before them."},

    Key{Scope::shared, "address", Kind::address, "", "Where it listens: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT."},
    Key{Scope::shared, "socket_mode", Kind::text, "0600", "Mode of a unix socket's file."},
    Key{Scope::shared, "backlog", Kind::integer, "511", "Masters that may wait to be taken.", {}, 1, 65'535},
    Key{Scope::shared, "keep_alive", Kind::duration, "0",
        "The machine of a master that is silent for so long is asked whether it is there; 0 = never."},
    Key{Scope::shared, "tls_certificate", Kind::path, "", "Of its end of tls:HOST:PORT; see broker."},
    Key{Scope::shared, "tls_key", Kind::path, "", "The certificate's key; none: it is in the certificate's file."},
    Key{Scope::shared, "tls_client_ca", Kind::path, "", "Masters must show a certificate that these signed."},
    Key{Scope::shared, "worker", Kind::text, "", "The registered class that it is."},
    Key{Scope::shared, "command", Kind::command, "",
        "Instead of worker: a program that is given the listening socket (LISTEN_FDS)."},
    Key{Scope::shared, "arguments", Kind::text, "null", "JSON for the constructor of the class."},
    Key{Scope::shared, "cookie_file", Kind::path, "",
        "File whose first line allows to stop it; COWORKER_ADMIN_COOKIE works too. None: nobody may."},
    Key{Scope::shared, "output", Kind::path, "", "File that its prints are appended to; none: they are lost."},
    Key{Scope::shared, "directory", Kind::path, "", "Working directory; none: the starter's."},
    Key{Scope::shared, "environment", Kind::pairs, "", "Variables added to its environment."},
    Key{Scope::shared, "memory", Kind::size, "0", "Bytes that it may allocate; 0 = no limit."},
    Key{Scope::shared, "drain", Kind::duration, "10s", "After a stop: how long connected masters may stay."},
    Key{Scope::shared, "insecure", Kind::boolean, "false",
        "Listen where others than this machine can reach it, without TLS, though nothing asks for a password."},

    Key{Scope::log, "level", Kind::choice, "info", "The least level that is written.",
        "debug info warning error critical"},
    Key{Scope::log, "format", Kind::choice, "text", "One line per event, as text or as JSON.", "text json"},
    Key{Scope::log, "file", Kind::path, "", "Appended to; none: standard error."},

    Key{Scope::events, "history", Kind::choice, "failures",
        "What the store's history keeps (coworker job ID): failures = attempts that did not end well, burials, what "
        "workers say; all = also that jobs start and end well, which is most of all events and pushes older ones out.",
        "failures all none"},
    Key{Scope::events, "file", Kind::path, "", "Every event is appended to it, as a line of JSON; none: nowhere."},
    Key{Scope::events, "bodies", Kind::boolean, "false", "The lines of the file hold the bodies of the jobs."},

    Key{Scope::foreign_root, "log_dir", Kind::path, "/var/log/disqontrol", "Directory of disqontrol.log."},
    Key{Scope::foreign_root, "cache_dir", Kind::path, "", "Accepted and not used."},
    Key{Scope::foreign_node, "host", Kind::text, "", "Address of a Disque node."},
    Key{Scope::foreign_node, "port", Kind::integer, "7711", "Its port.", {}, 1, 65'535},
    Key{Scope::foreign_node, "password", Kind::secret, "", "Sent with AUTH."},
    Key{Scope::foreign_node, "connection_timeout", Kind::duration, "", "Accepted and not used."},
    Key{Scope::foreign_node, "response_timeout", Kind::duration, "", "Accepted and not used."},
    Key{Scope::foreign_queue, "job_process_timeout", Kind::duration, "600",
        "An attempt is killed after this; 0 = at most once, and no limit."},
    Key{Scope::foreign_queue, "job_lifetime", Kind::duration, "172800", "The budget for all retries.", {}, kSecond},
    Key{Scope::foreign_queue, "failure_strategy", Kind::choice, "retry", "As in coworker's own file.",
        "retry retry_immediately"},
    Key{Scope::foreign_queue,
        "max_retries",
        Kind::integer,
        "25",
        "Retries before the failure queue.",
        {},
        0,
        1'000'000},
    Key{Scope::foreign_queue, "failure_queue", Kind::text, "failed-jobs", "As in coworker's own file."},
    Key{Scope::foreign_worker, "type", Kind::choice, "",
        "The PHP types are inline and isolated, with a worker that this program registers under that name.",
        "command http inline_php_worker isolated_php_worker inline-php-worker isolated-php-worker"},
    Key{Scope::foreign_worker, "command", Kind::shell, "", "A command line for /bin/sh."},
    Key{Scope::foreign_worker, "address", Kind::shell, "", "The URL for type http; for command the same as command."},
    Key{Scope::foreign_worker, "name", Kind::shell, "", "The registered worker; for command the same as command."},
    Key{Scope::foreign_worker, "method", Kind::choice, "POST", "As in coworker's own file.",
        "GET HEAD DELETE POST PUT PATCH get head delete post put patch"},
    Key{Scope::foreign_worker, "headers", Kind::pairs, "", "As in coworker's own file."},
    Key{Scope::foreign_worker, "placeholders", Kind::pairs, "", "As in coworker's own file."},
    Key{Scope::foreign_consumer,
        "min_processes",
        Kind::integer,
        "1",
        "Consumer processes kept running.",
        {},
        1,
        10'000},
    Key{Scope::foreign_consumer, "max_processes", Kind::integer, "5", "Upper bound for scaling.", {}, 1, 10'000},
    Key{Scope::foreign_consumer, "autoscale", Kind::boolean, "true", "Start more consumers while jobs wait."},
    Key{Scope::foreign_consumer, "job_batch", Kind::integer, "10", "Jobs claimed at once.", {}, 1, kMost},
};

constexpr auto kKeys = [] {
  std::array<Key, kMostKeys.size() + kCiviKeys.size()> all{};
  std::copy(kCiviKeys.begin(), kCiviKeys.end(), std::copy(kMostKeys.begin(), kMostKeys.end(), all.begin()));
  return all;
}();

constexpr std::array kPlaces{
    Place{Scope::root, "", "", false, "The file"},
    Place{Scope::broker, "broker", "", false, "How the store is served to other programs"},
    Place{Scope::control, "control", "", false,
          "How a running supervisor is asked and steered: see docs/control.md. Instead of this section a list of "
          "addresses may stand here"},
    Place{Scope::control_place, "control", "", false, ""},
    Place{Scope::control_entry, "control.*", "", true, "One address of a list"},
    Place{Scope::control_place, "control.*", "", true, ""},
    Place{Scope::queue, "defaults", "", false, "What holds for every queue"},
    Place{Scope::queue, "queues.*", "defaults", false, "One queue; its own values win over defaults"},
    Place{Scope::worker, "queues.*.worker", "", false, "What runs the jobs of a queue"},
    Place{Scope::consumer, "consumer_defaults", "", false, "What holds for every group of consumers"},
    Place{Scope::consumer, "consumers.*", "consumer_defaults", true, "A list of groups of consumer processes"},
    Place{Scope::consumer_entry, "consumers.*", "consumer_defaults", true, ""},
    Place{Scope::schedule, "schedule", "", false, "Jobs that are added at certain times"},
    Place{Scope::tls, "tls", "", false, "How servers with addresses tls:HOST:PORT are reached"},
    Place{Scope::loop, "loops.*", "", false, "One loop worker: a process that does the same thing every period"},
    Place{Scope::shared, "shared.*", "", false, "One shared worker, for the commands shared and check-shared-worker"},
    Place{
        Scope::civi, "civi", "", false,
        "A site of CiviCRM whose queues are run; these keys may stand at the root of a file, too: see docs/civicrm.md"},
    Place{Scope::log, "log", "", false, "What the programs say of their work"},
    Place{Scope::events, "events", "", false, "What happens to jobs, for programs: see docs/events.md"},
    Place{Scope::foreign_root, "disqontrol", "", false, "The file of Disqontrol, read as it is"},
    Place{Scope::foreign_node, "disqontrol.disque.*", "", true, "A list of nodes; one answers for all"},
    Place{Scope::foreign_queue, "disqontrol.queue_defaults", "", false, "What holds for every queue"},
    Place{Scope::foreign_queue, "disqontrol.queues.*", "disqontrol.queue_defaults", false, "One queue"},
    Place{Scope::foreign_worker, "disqontrol.queues.*.worker", "", false, "What runs the jobs of a queue"},
    Place{Scope::foreign_consumer, "disqontrol.consumer_defaults", "", false, "What holds for every group"},
    Place{Scope::foreign_consumer, "disqontrol.consumers.*", "disqontrol.consumer_defaults", true,
          "A list of groups of consumer processes"},
    Place{Scope::consumer_entry, "disqontrol.consumers.*", "disqontrol.consumer_defaults", true, ""},
};

constexpr std::array kMissing{
    Missing{"web", "the dashboard"},
    Missing{"queues.*.worker.type=civi", "CiviCRM workers"},
};

std::string_view parent_of(std::string_view pattern) {
  const std::size_t dot = pattern.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : pattern.substr(0, dot);
}

std::string_view last_of(std::string_view pattern) {
  const std::size_t dot = pattern.rfind('.');
  return dot == std::string_view::npos ? pattern : pattern.substr(dot + 1);
}

bool is_below(std::string_view pattern, std::string_view section) {
  if (section.empty()) return !pattern.empty();
  return pattern.size() > section.size() && pattern.starts_with(section) && pattern[section.size()] == '.';
}

}  // namespace

std::span<const Key> keys() {
  return kKeys;
}
std::span<const Place> places() {
  return kPlaces;
}
std::span<const Missing> missing() {
  return kMissing;
}

const Key* find_key(std::string_view pattern) {
  for (const Place& place : kPlaces) {
    if (place.pattern != parent_of(pattern)) continue;
    for (const Key& key : kKeys) {
      if (key.scope == place.scope && key.name == last_of(pattern)) return &key;
    }
  }
  return nullptr;
}

bool is_section(std::string_view pattern) {
  return std::any_of(kPlaces.begin(), kPlaces.end(),
                     [&](const Place& place) { return place.pattern == pattern || is_below(place.pattern, pattern); });
}

bool is_list(std::string_view pattern) {
  return std::any_of(kPlaces.begin(), kPlaces.end(),
                     [&](const Place& place) { return place.list && parent_of(place.pattern) == pattern; });
}

std::vector<std::string_view> names_below(std::string_view pattern) {
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name) {
    if (name != "*" && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Place& place : kPlaces) {
    if (place.pattern == pattern) {
      for (const Key& key : kKeys) {
        if (key.scope == place.scope) add(key.name);
      }
    } else if (is_below(place.pattern, pattern)) {
      const std::string_view rest = place.pattern.substr(pattern.empty() ? 0 : pattern.size() + 1);
      add(rest.substr(0, rest.find('.')));
    }
  }
  return names;
}

const Key* find_civi_key(std::string_view name) {
  for (const CiviName& each : kCiviNames) {
    if (!each.former.empty() && each.former == name) name = each.name;
  }
  return find_key(join("civi", name));
}

const Place* find_place(std::string_view pattern) {
  const auto found =
      std::find_if(kPlaces.begin(), kPlaces.end(), [&](const Place& place) { return place.pattern == pattern; });
  return found == kPlaces.end() ? nullptr : &*found;
}

std::string join(std::string_view pattern, std::string_view name) {
  std::string joined{pattern};
  if (!joined.empty()) joined += '.';
  joined += name;
  return joined;
}

std::string environment_name(std::string_view pattern) {
  std::string name = "COWORKER_";
  for (const char c : pattern) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

}  // namespace coworker::app
