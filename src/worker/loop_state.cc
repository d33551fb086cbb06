#include "worker/loop_state.h"

#include <fmt/format.h>

#include "base/log.h"
#include "worker/outlet.h"

namespace coworker::worker {
namespace {

void call_safely(const std::function<void()>& call) {
  try {
    call();
  } catch (...) {
    log::error(fmt::format("a callback of the worker threw: {}", exception_text()));
  }
}

void arm(LoopState& state, Loop::Id id, const std::shared_ptr<LoopState::Timer>& timer) {
  timer->timer.async_wait([&state, id, timer](boost::system::error_code error) {
    if (error || !state.timers.contains(id)) return;
    if (timer->period == std::chrono::milliseconds{0}) {
      state.timers.erase(id);
    } else {
      timer->timer.expires_at(timer->timer.expiry() + timer->period);
      arm(state, id, timer);
    }
    call_safely(timer->call);
    if (state.on_change) state.on_change();
  });
}

void watch(LoopState& state, Loop::Id id, const std::shared_ptr<LoopState::Watch>& each) {
  each->stream.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [&state, id, each](boost::system::error_code error) {
                            if (error || !state.watches.contains(id)) return;
                            call_safely(each->call);
                            if (state.watches.contains(id)) watch(state, id, each);
                            if (state.on_change) state.on_change();
                          });
}

}  // namespace
}  // namespace coworker::worker

namespace coworker {

using worker::LoopState;

Loop::Loop() : state_{std::make_unique<LoopState>()} {}
Loop::~Loop() = default;

Loop::Id Loop::after(std::chrono::milliseconds delay, std::function<void()> call) {
  auto timer = std::make_shared<LoopState::Timer>(state_->loop);
  timer->call = std::move(call);
  timer->timer.expires_after(delay);
  state_->timers[++state_->last_id] = timer;
  worker::arm(*state_, state_->last_id, timer);
  return state_->last_id;
}

Loop::Id Loop::every(std::chrono::milliseconds period, std::function<void()> call) {
  auto timer = std::make_shared<LoopState::Timer>(state_->loop);
  timer->call = std::move(call);
  timer->period = std::max(period, std::chrono::milliseconds{1});
  timer->timer.expires_after(timer->period);
  state_->timers[++state_->last_id] = timer;
  worker::arm(*state_, state_->last_id, timer);
  return state_->last_id;
}

Loop::Id Loop::when_readable(int fd, std::function<void()> call) {
  auto each = std::make_shared<LoopState::Watch>(state_->loop);
  boost::system::error_code error;
  each->stream.assign(fd, error);
  if (error) {
    log::error(fmt::format("watch descriptor {}: {}", fd, error.message()));
    return 0;
  }
  each->call = std::move(call);
  state_->watches[++state_->last_id] = each;
  worker::watch(*state_, state_->last_id, each);
  return state_->last_id;
}

void Loop::cancel(Id id) {
  if (const auto timer = state_->timers.find(id); timer != state_->timers.end()) {
    timer->second->timer.cancel();
    state_->timers.erase(timer);
  }
  if (const auto each = state_->watches.find(id); each != state_->watches.end()) {
    each->second->stream.release();
    state_->watches.erase(each);
  }
  if (state_->on_change) state_->on_change();
}

void Loop::stop() {
  state_->loop.stop();
}

void Loop::stop_listening() {
  if (state_->on_stop_listening) state_->on_stop_listening();
}

}  // namespace coworker
