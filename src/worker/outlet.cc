#include "worker/outlet.h"

#include <exception>

#include "job/json_text.h"

namespace coworker::worker {
namespace {

bool answer(MessageState& state, const Said& said) {
  const std::shared_ptr<Outlet> outlet = state.outlet.lock();
  if (!outlet || state.is_answered) return false;
  state.is_answered = state.id.has_value();
  return outlet->put(said);
}

}  // namespace

MessageState::~MessageState() {
  if (id && !is_answered) answer(*this, FaultMessage{id, kNoReply, "the worker did not answer this request"});
}

void cancel(MessageState& state) {
  if (state.is_cancelled || state.is_answered) return;
  state.is_cancelled = true;
  answer(state, FaultMessage{state.id, kCancelled, "the request was cancelled"});
}

std::string exception_text() {
  try {
    throw;
  } catch (const std::exception& problem) {
    return problem.what();
  } catch (...) {
    return "an exception that says nothing";
  }
}

}  // namespace coworker::worker

namespace coworker {

Message::Message(std::string body, std::shared_ptr<worker::MessageState> state)
    : body_{std::move(body)}, state_{std::move(state)} {}

bool Message::reply(std::string_view json) const {
  if (!job::check_json(json)) return false;
  if (!state_->id) return worker::answer(*state_, worker::ApplicationMessage{std::string{json}});
  return worker::answer(*state_, worker::ReplyMessage{*state_->id, std::string{json}});
}

bool Message::progress(std::string_view json) const {
  const std::shared_ptr<worker::Outlet> outlet = state_->outlet.lock();
  if (!state_->id || !outlet || state_->is_answered || !job::check_json(json)) return false;
  return outlet->put(worker::ProgressMessage{*state_->id, std::string{json}});
}

bool Message::fail(std::string_view code, std::string_view text) const {
  const std::shared_ptr<worker::Outlet> outlet = state_->outlet.lock();
  if (!outlet) return false;
  if (outlet->dialect != worker::Dialect::full) return false;
  return worker::answer(*state_, worker::FaultMessage{state_->id, std::string{code}, std::string{text}});
}

bool Message::is_cancelled() const {
  if (const std::shared_ptr<worker::Outlet> outlet = state_->outlet.lock()) outlet->look();
  return state_->is_cancelled;
}

Connection::Connection(std::shared_ptr<worker::Outlet> outlet) : outlet_{std::move(outlet)} {}

bool Connection::send(std::string_view json) const {
  return job::check_json(json) && outlet_->put(worker::ApplicationMessage{std::string{json}});
}

void Connection::close() const {
  outlet_->close();
}

const Peer& Connection::peer() const {
  return outlet_->peer;
}

}  // namespace coworker
