#include "app/daemon_calls.h"

#include <atomic>
#include <boost/asio/post.hpp>
#include <future>

namespace coworker::app {

/// Answered once: by the supervisor, or because it stops.
struct DaemonCalls::Call {
  Ask ask;
  std::promise<Answer> answer;
  std::atomic<bool> answered = false;

  void settle(Answer with) {
    if (!answered.exchange(true)) answer.set_value(std::move(with));
  }
};

void DaemonCalls::open(async::Loop& loop, api::Backend& backend) {
  const std::lock_guard lock{mutex_};
  gate_ = std::make_unique<async::Gate>(loop.get_executor());
  loop_ = &loop;
  backend_ = &backend;
}

async::Task<> DaemonCalls::close() {
  {
    const std::lock_guard lock{mutex_};
    loop_ = nullptr;
    for (const auto& call : calls_) call->settle(fail(Errc::unavailable, "the daemon stops"));
  }
  if (!gate_) co_return;
  co_await gate_->close();
  gate_.reset();  // it belongs to the loop, which ends soon
}

DaemonCalls::Answer DaemonCalls::run(Ask ask) {
  auto call = std::make_shared<Call>();
  call->ask = std::move(ask);
  std::future<Answer> answer = call->answer.get_future();
  {
    const std::lock_guard lock{mutex_};
    if (loop_ == nullptr) return fail(Errc::unavailable, "the daemon does not run");
    calls_.insert(call);
    boost::asio::post(*loop_, [this, call] {
      if (!gate_ || !gate_->spawn("call", carry_out(call, backend_)))
        call->settle(fail(Errc::unavailable, "the daemon stops"));
    });
  }
  Answer result = answer.get();
  const std::lock_guard lock{mutex_};
  calls_.erase(call);
  return result;
}

async::Task<> DaemonCalls::carry_out(std::shared_ptr<Call> call, api::Backend* backend) {
  Answer answer = co_await call->ask(*backend);
  call->settle(std::move(answer));
}

}  // namespace coworker::app
