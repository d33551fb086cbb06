#include "worker/loop_main.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <csignal>

#include "base/build.h"
#include "base/log.h"
#include "proc/program.h"
#include "proc/strays.h"
#include "worker/loop_runner.h"
#include "worker/object_rounds.h"
#include "worker/program_rounds.h"

namespace coworker::worker {
namespace {

Result<std::unique_ptr<Rounds>> make_rounds(async::Loop& loop, const LoopSpec& spec, const Registry& registry,
                                            LoopPage& page) {
  if (spec.kind == LoopKind::inline_worker) {
    const LoopEntry* entry = registry.find_loop(spec.worker);
    if (entry == nullptr) {
      return fail(Errc::not_found, fmt::format("this program has no loop worker '{}'", spec.worker));
    }
    return std::make_unique<ObjectRounds>(loop, *entry, spec, page);
  }
  ProcessOptions options;
  options.command = spec.command;
  options.environment = proc::own_environment();
  options.grace = spec.kill_grace;
  options.keeper = kLoopKeeperFd;
  if (spec.kind == LoopKind::command) return std::make_unique<CommandRounds>(loop, std::move(options), spec, page);
  return std::make_unique<PipeRounds>(loop, std::move(options), spec, page);
}

int run(const LoopSpec& spec, const Registry& registry, LoopPage& page) {
  async::Loop loop;
  const Result<std::unique_ptr<Rounds>> rounds = make_rounds(loop, spec, registry, page);
  if (!rounds) {
    log::critical(rounds.error().message());
    return 1;
  }
  LoopRunner runner{loop, spec, **rounds, page};
  if (Result<> started = runner.start(Fd{kLoopLinkFd}); !started) {
    log::critical(started.error().message());
    return 1;
  }
  loop.run();
  return runner.exit_code();
}

}  // namespace

int loop_main(const LoopSpec& spec, const Registry& registry) {
  proc::name_process("cw-loop");
  const Result<std::unique_ptr<LoopPage>> page = LoopPage::open(Fd{kLoopPageFd});
  if (!page) {
    log::critical(page.error().message());
    return 1;
  }
  for (const int fd : {kLoopPageFd, kLoopLinkFd, kLoopKeeperFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::signal(SIGPIPE, SIG_IGN);
  // What a round's program leaves behind is looked for among the orphans.
  proc::adopt_orphans();
  const int code = run(spec, registry, **page);
  // A late signal shall not change how it ended.
  ::signal(SIGTERM, SIG_IGN);
  return code;
}

}  // namespace coworker::worker
