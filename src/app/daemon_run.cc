#include "app/daemon_run.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <sstream>

#include "app/background.h"
#include "app/command.h"
#include "app/daemon_arguments.h"
#include "app/daemon_socket.h"
#include "app/loop_settings.h"
#include "base/log.h"
#include "proc/program.h"
#include "service/run.h"

namespace coworker::app {
namespace {

constexpr Millis kListenerPatience{1'000};  // for listeners to be told the last events

/// The daemon's own processes are this program again.
bool is_own_process(int argc, char** argv) {
  if (argc != 2) return false;
  return std::strcmp(argv[1], service::kKeeperWord) == 0 || std::strcmp(argv[1], service::kLoopWord) == 0;
}

std::vector<std::string> words_of(const DaemonKeys& keys, int argc, char** argv) {
  if (keys.arguments.empty()) return {argv + (argc > 0 ? 1 : 0), argv + argc};
  std::istringstream text{keys.arguments};
  return {std::istream_iterator<std::string>{text}, {}};
}

log::Options log_options(const DaemonKeys& keys, const DaemonArguments& arguments) {
  log::Options options;
  options.level = keys.log_level;
  // Workers may have a working directory of their own.
  if (arguments.daemon || !arguments.verbose) options.file = std::filesystem::absolute(keys.log_file);
  return options;
}

/// Inherited by all workers. What is not allowed is no reason to fail.
void be_nice(int niceness) {
  if (niceness == 0) return;
  if (::setpriority(PRIO_PROCESS, 0, niceness) < 0) {
    log::warning(fmt::format("niceness {}: {}", niceness, ::strerror(errno)));
  }
}

Result<> set_up(const DaemonParts& parts) {
  if (!parts.setup) return {};
  try {
    parts.setup();
    return {};
  } catch (const std::exception& error) {
    return fail(Errc::internal, fmt::format("set up the daemon: {}", error.what()));
  } catch (...) {
    return fail(Errc::internal, "set up the daemon: something was thrown");
  }
}

int supervise(DaemonParts& parts, service::Config config, Background& background, bool& stuck) {
  service::RunEvents events;
  events.on_ready = [&background] { background.ready(); };
  events.signals = parts.events.signals();
  events.on_signal = [&parts](int number) { parts.events.emit_signal(number); };
  const auto companion = [&](async::Loop& loop, api::Backend& backend) {
    auto socket = DaemonSocket::open(loop, backend, parts, [&stuck] { stuck = true; });
    // The log may be elsewhere, and the terminal is about to be left.
    if (!socket) complain(socket.error());
    background.leave_terminal(std::filesystem::absolute(parts.keys.log_file));
    return socket;
  };
  return service::run_supervisor(std::move(config), {}, std::move(events), companion);
}

int serve(DaemonParts& parts, const DaemonArguments& arguments) {
  BackgroundOptions options;
  options.detach = arguments.daemon;
  options.pid_file = parts.keys.pid_file;
  if (arguments.hardstart) options.leftover = proc::PidFile::Leftover::anything;
  if (parts.keys.address.kind == channel::Address::Kind::unix_socket) {
    parts.keys.address.path = std::filesystem::absolute(parts.keys.address.path);
  }
  Result<std::vector<service::LoopConfig>> loops = loop_configs(Settings{}, parts.workers);
  if (!loops) return complain(loops.error());
  // First of all: a second one must not touch anything of the first.
  Result<Background> background = Background::enter(options);
  if (!background) return complain(background.error());
  service::Config config;
  config.log = log_options(parts.keys, arguments);
  config.loops = std::move(*loops);
  config.stop_grace = parts.keys.stop_grace;
  config.kill_grace = parts.keys.kill_grace;
  if (Result<> logged = log::configure(config.log); !logged) return complain(logged.error());
  log::set_role("daemon");
  if (Result<int> program = proc::own_program(); !program) return complain(program.error());
  be_nice(parts.keys.niceness);
  if (Result<> ready = set_up(parts); !ready) {
    log::critical(ready.error().message());
    return complain(ready.error());
  }
  bool stuck = false;
  parts.events.start();
  const int code = supervise(parts, std::move(config), *background, stuck);
  if (!parts.events.stop(kListenerPatience)) {
    log::error("a listener does not return; the daemon ends without it");
    stuck = true;
  }
  if (stuck) {
    {
      const Background left = std::move(*background);
    }
    std::fflush(nullptr);
    ::_exit(code);
  }
  return code;
}

}  // namespace

int run_daemon(DaemonParts& parts, int argc, char** argv) {
  if (is_own_process(argc, argv)) return run_cli(argc, argv, parts.workers, parts.methods);
  const std::string program = argc > 0 ? std::filesystem::path{argv[0]}.filename().string() : "daemon";
  const std::string usage = daemon_usage(parts.keys.description, program);
  const Result<DaemonArguments> arguments = parse_daemon_arguments(words_of(parts.keys, argc, argv));
  if (!arguments) {
    std::fputs(fmt::format("{}: {}\n\n{}", program, arguments.error().message(), usage).c_str(), stderr);
    return kWrongUsage;
  }
  if (arguments->wants_usage()) {
    std::fputs(usage.c_str(), stdout);
    return kDone;
  }
  return serve(parts, *arguments);
}

}  // namespace coworker::app
