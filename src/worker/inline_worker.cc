#include "worker/inline_worker.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>

namespace coworker::worker {
namespace {

class InlineExecution : public Execution, public std::enable_shared_from_this<InlineExecution> {
 public:
  InlineExecution(async::Loop& loop, Job job, Watcher watcher, Millis grace)
      : loop_{loop}, job_{std::move(job)}, watcher_{std::move(watcher)}, grace_{grace}, timer_{loop} {
    watcher_.on_report = limited(std::move(watcher_.on_report));
  }

  void begin(async::Threads& threads, const Handler& handler) {
    if (job_.process_timeout > Millis{0}) arm(job_.process_timeout, &InlineExecution::on_timeout);
    // The loop must not run dry while only a thread works for it.
    auto guard = std::make_shared<boost::asio::executor_work_guard<async::Loop::executor_type>>(loop_.get_executor());
    threads.run([self = shared_from_this(), guard, &handler]() mutable {
      if (self->watcher_.on_start) self->watcher_.on_start(0);
      const auto executor = guard->get_executor();
      const Contact contact{self->stop_.get_token(), [&self, &executor](Report report) {
                              boost::asio::post(executor, [self, report = std::move(report)]() mutable {
                                self->reported(std::move(report));
                              });
                            }};
      auto outcome = std::make_shared<Outcome>(call(handler, self->job_, contact));
      boost::asio::post(executor, [self = std::move(self), outcome] { self->ended(std::move(*outcome)); });
      guard->reset();
    });
  }

  void stop(proc::Killed why, Millis grace) override {
    if (over_) return;
    if (killed_ == proc::Killed::no) killed_ = why;
    stop_.request_stop();
    arm(grace, &InlineExecution::on_grace_end);
  }

 private:
  void arm(Millis delay, void (InlineExecution::*then)()) {
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this(), then](boost::system::error_code error) {
      if (!error && !self->over_) (self.get()->*then)();
    });
  }

  void on_timeout() { stop(proc::Killed::process_timeout, grace_); }

  void on_grace_end() {
    if (watcher_.on_stuck) watcher_.on_stuck();
  }

  void reported(Report report) {
    if (!over_) watcher_.on_report(std::move(report));
  }

  void ended(Outcome outcome) {
    over_ = true;
    timer_.cancel();
    if (outcome.kind != Outcome::Kind::ok && killed_ != proc::Killed::no) {
      if (killed_ == proc::Killed::process_timeout) {
        outcome.reason =
            fmt::format("process timeout of {} ms exceeded: {}", job_.process_timeout.count(), outcome.reason);
      } else {
        outcome.kind = Outcome::Kind::stopped;
      }
    }
    const auto on_end = std::move(watcher_.on_end);
    on_end(std::move(outcome));
  }

  async::Loop& loop_;
  const Job job_;
  Watcher watcher_;
  Millis grace_;
  boost::asio::steady_timer timer_;
  std::stop_source stop_;
  proc::Killed killed_ = proc::Killed::no;
  bool over_ = false;
};

}  // namespace

InlineWorker::InlineWorker(async::Loop& loop, async::Threads& threads, const Handler& handler, Millis grace)
    : loop_{loop}, threads_{threads}, handler_{handler}, grace_{grace} {}

std::shared_ptr<Execution> InlineWorker::start(Job job, Watcher watcher) {
  auto execution = std::make_shared<InlineExecution>(loop_, std::move(job), std::move(watcher), grace_);
  execution->begin(threads_, handler_);
  return execution;
}

}  // namespace coworker::worker
