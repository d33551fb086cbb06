#include "app/command_list.h"

namespace coworker::app {
namespace {

std::vector<Flag> control_flags() {
  return {{"--control", "ADDRESS",
           "Of the control socket, unix:PATH, tcp:HOST:PORT or tls:HOST:PORT (default: as configured)"},
          {"--token-file", "FILE", "Its first line is the token that the address wants"}};
}

Command deed(std::string name, std::string summary, int (*run)(const Arguments&, const Context&)) {
  std::vector<Flag> flags = control_flags();
  flags.push_back({"--all", "", "All workers"});
  const std::string line = "  coworker worker " + name + " copier";
  return {"worker " + name, "", std::move(summary), line, {{"NAME", "As worker list shows it", false, true}},
          std::move(flags), run};
}

}  // namespace

std::vector<Command> control_commands() {
  const Positional name{"NAME", "As worker list shows it"};
  std::vector<Flag> top_flags = control_flags();
  top_flags.push_back({"--interval", "DURATION", "Between two looks (default: 2)"});
  top_flags.push_back({"--count", "N", "So many pictures (default: until q; 1 when it is not on a terminal)"});
  return {
      {"reload",
       "",
       "Apply a changed configuration to what runs here, without losing a job",
       "  coworker reload -c coworker.yml",
       {},
       control_flags(),
       run_reload},
      {"top",
       "",
       "Workers, queues and rates, on a terminal again and again",
       "  coworker top\n  coworker top --json --count 3 --interval 1",
       {},
       std::move(top_flags),
       run_top},
      {"worker list",
       "",
       "The workers that run here: loops, consumers and their processes",
       "  coworker worker list --json",
       {},
       control_flags(),
       run_worker_list},
      {"worker status",
       "",
       "The state of all workers, or all that is known of one",
       "  coworker worker status copier",
       {{"NAME", name.text, false}},
       control_flags(),
       run_worker_status},
      deed("pause", "Let workers rest; what they do is finished", run_worker_pause),
      deed("resume", "Let paused workers go on", run_worker_resume),
      deed("start", "Start workers that were stopped", run_worker_start),
      deed("stop", "End workers; they are not started again", run_worker_stop),
      deed("restart", "End workers and start them anew", run_worker_restart),
      {"worker scale",
       "",
       "So many processes of a group of consumers, until the configuration is read again",
       "  coworker worker scale consumers:mail 3",
       {name, {"N", "How many"}},
       control_flags(),
       run_worker_scale},
      {"worker send",
       "",
       "Send a word to a loop worker; prints its reply",
       "  coworker worker send copier rename '{\"to\":\"new\"}'",
       {name, {"WORD", "What it listens to"}, {"JSON", "Arguments", false}},
       control_flags(),
       run_worker_send},
  };
}

}  // namespace coworker::app
