#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>

#include "async/gate.h"
#include "async/spin.h"
#include "async/task.h"
#include "base/build.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/program.h"
#include "proc/strays.h"
#include "service/config_text.h"
#include "service/consumer.h"
#include "service/consumer_process.h"
#include "service/fault_mark.h"
#include "service/run.h"
#include "store/open.h"

namespace coworker::service {
namespace {

Result<Assignment> read_assignment() {
  const Fd file{kAssignmentFd};
  Result<std::string> text = read_all(file.get());
  if (!text) return tl::unexpected{std::move(text.error()).wrap("what the supervisor says")};
  Result<Assignment> assignment = parse_assignment(*text);
  if (assignment && assignment->build != build_id()) {
    return fail(Errc::invalid_argument, "this consumer is another build than its supervisor");
  }
  return assignment;
}

/// A consumer with its loop, its store and its signals.
class ConsumerProgram {
 public:
  ConsumerProgram(Assignment assignment, std::unique_ptr<StartPage> page, std::unique_ptr<Suspects> suspects,
                  const worker::Registry& registry)
      : assignment_{std::move(assignment)},
        page_{std::move(page)},
        suspects_{std::move(suspects)},
        registry_{registry},
        gate_{loop_.get_executor()},
        signals_{loop_, SIGTERM, SIGINT, SIGUSR1},
        keeper_{loop_, ::fcntl(kKeeperFd, F_DUPFD_CLOEXEC, 0)},
        heir_{loop_} {
    if (assignment_.config.hooks) heir_.assign(::fcntl(kHeirFd, F_DUPFD_CLOEXEC, 0));
  }

  int run() {
    signals_.add(kDrainSignal);
    gate_.spawn("signals", listen_for_signals());
    page_->set_listening();
    // What was asked before anybody listened.
    log::reopen();
    draining_ = page_->draining();
    gate_.spawn("keeper", watch_keeper());
    gate_.spawn("consumer", consume());
    talks_to_workers() ? async::run_spinning(loop_) : static_cast<void>(loop_.run());
    // Before the store that its answers go to.
    consumer_.reset();
    return code_;
  }

 private:
  /// They mostly answer soon.
  bool talks_to_workers() const {
    const std::vector<QueueConfig>& queues = assignment_.config.queues;
    return std::any_of(queues.begin(), queues.end(),
                       [](const QueueConfig& queue) { return queue.worker.kind == WorkerKind::pipe; });
  }

  async::Task<> consume() {
    const Config& config = assignment_.config;
    store::OpenOptions options;
    options.password = config.store_password;
    options.tls = config.store_tls;
    Result<std::unique_ptr<store::Store>> opened = co_await store::open_url(loop_, config.store, options);
    if (!opened) {
      log::error(fmt::format("open the store '{}': {}", config.store, opened.error().message()));
      code_ = 1;
      end();
      co_return;
    }
    store_ = std::move(*opened);
    if (stopping_ || draining_) {
      end();
      co_return;
    }
    Consumer::Parts parts;
    parts.config = &config;
    parts.page = page_.get();
    parts.suspects = suspects_.get();
    parts.registry = &registry_;
    parts.keeper = kKeeperFd;
    log_ = std::make_unique<EventLog>(loop_, *store_, config.events);
    parts.log = log_.get();
    Consumer::Events events;
    events.on_stopped = [this] { end(); };
    events.on_stuck = [] {
      log::error("an inline worker does not return, this consumer ends with it");
      // Its jobs are told by the supervisor, from the page; nothing here may wait for that thread.
      ::_exit(kStuckExit);
    };
    consumer_ = std::make_unique<Consumer>(loop_, *store_, parts, std::move(events));
    const Result<> started = consumer_->start();
    if (started) {
      if (heir_.is_open()) gate_.spawn("heir", watch_legacy());
      co_return;
    }
    log::error(started.error().message());
    code_ = 1;
    end();
  }

  async::Task<> listen_for_signals() {
    // A signal may have come before the wait is cancelled; then nothing would end the next one.
    while (listening_) {
      auto [error, number] = co_await signals_.async_wait(async::as_result);
      if (error) co_return;
      if (number == SIGUSR1) {
        log::reopen();
        if (log_) log_->reopen();
      } else if (number == kDrainSignal) {
        drain();
      } else {
        stop();
      }
    }
  }

  /// Who drains or stops leaves it to others.
  async::Task<> watch_legacy() {
    while (!stopping_ && !draining_) {
      auto [error] = co_await heir_.async_wait(boost::asio::posix::stream_descriptor::wait_read, async::as_result);
      if (error || stopping_ || draining_) co_return;
      while (std::optional<Inherited> inherited = HandOver::take(heir_.native_handle())) {
        consumer_->inherit(std::move(*inherited));
      }
    }
  }

  void leave_legacy() {
    boost::system::error_code ignored;
    heir_.cancel(ignored);
  }

  /// Without a keeper nothing may be started.
  async::Task<> watch_keeper() {
    auto [error] = co_await keeper_.async_wait(boost::asio::posix::stream_descriptor::wait_read, async::as_result);
    if (error || stopping_) co_return;
    log::error("the keeper is gone, this consumer ends");
    stop();
  }

  void drain() {
    draining_ = true;
    leave_legacy();
    if (consumer_) consumer_->drain();
  }

  void stop() {
    stopping_ = true;
    leave_legacy();
    if (consumer_) consumer_->stop();
  }

  void end() {
    listening_ = false;
    signals_.cancel();
    keeper_.close();
    if (heir_.is_open()) heir_.close();
    if (store_) store_->close();
  }

  Assignment assignment_;
  std::unique_ptr<StartPage> page_;
  std::unique_ptr<Suspects> suspects_;
  const worker::Registry& registry_;
  async::Loop loop_;
  async::Gate gate_;
  boost::asio::signal_set signals_;
  bool listening_ = true;  // for signals
  boost::asio::posix::stream_descriptor keeper_;
  boost::asio::posix::stream_descriptor heir_;  // open where the program has hooks
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Consumer> consumer_;
  bool stopping_ = false;
  bool draining_ = false;
  int code_ = 0;
};

}  // namespace

int consumer_main(const worker::Registry& registry) {
  proc::name_process("cw-consumer");
  log::set_role("consumer");
  const auto refuse = [](const Error& error) {
    log::critical(error.message());
    return 1;
  };
  Result<Assignment> assignment = read_assignment();
  if (!assignment) return refuse(assignment.error());
  if (Result<> logged = log::configure(assignment->config.log); !logged) return refuse(logged.error());
  Result<std::unique_ptr<StartPage>> page = StartPage::open(Fd{kPageFd});
  if (!page) return refuse(page.error());
  Result<std::unique_ptr<Suspects>> suspects = Suspects::open(Fd{kSuspectsFd});
  if (!suspects) return refuse(suspects.error());
  ::fcntl(kPageFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kSuspectsFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kKeeperFd, F_SETFD, FD_CLOEXEC);
  if (assignment->config.hooks) ::fcntl(kHeirFd, F_SETFD, FD_CLOEXEC);
  ::signal(SIGPIPE, SIG_IGN);
  proc::adopt_orphans();
  watch_faults();
  return ConsumerProgram{std::move(*assignment), std::move(*page), std::move(*suspects), registry}.run();
}

}  // namespace coworker::service
