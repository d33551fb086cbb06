#include "coworker/steps.h"

#include "worker/master_line.h"

namespace coworker {

using Deadline = worker::MasterLine::Deadline;

namespace {

constexpr Deadline kNow = Deadline::min();

std::optional<std::string> given(const std::string& cookie) {
  return cookie.empty() ? std::nullopt : std::optional{cookie};
}

}  // namespace

Answer<> Steps::send(std::string_view json) {
  return line_.send(json, kNow);
}

Answer<> Steps::flush() {
  return line_.flush(kNow);
}

bool Steps::has_unsent() const {
  return line_.has_unsent();
}

int Steps::writable_handle() const {
  return line_.writable_handle();
}

Answer<std::uint64_t> Steps::begin_call(std::string_view json) {
  return line_.begin_call(json);
}

Answer<std::string> Steps::end_call(std::uint64_t id, const std::function<void(const std::string&)>& on_progress) {
  return line_.finish_call(id, kNow, on_progress);
}

void Steps::drop_call(std::uint64_t id) {
  line_.drop_call(id);
}

Answer<> Steps::begin_query(const std::string& cookie) {
  return line_.begin_query(given(cookie));
}

Answer<Status> Steps::end_query() {
  return line_.end_query(kNow);
}

void Steps::drop_query() {
  line_.forget_query();
}

Answer<> Steps::begin_stop(const std::string& cookie) {
  if (cookie.empty()) return Failure{Trouble::denied, "stop: there is no cookie"};
  return line_.begin_stop(cookie);
}

Answer<bool> Steps::end_stop() {
  return line_.end_stop(kNow);
}

Answer<std::string> Steps::receive() {
  return line_.receive(kNow);
}

Answer<> Steps::end_of_channel() {
  return line_.wait_for_end(kNow);
}

std::uint64_t Steps::watch(std::function<void()> changed) {
  return line_.watch(std::move(changed));
}

void Steps::unwatch(std::uint64_t id) {
  line_.unwatch(id);
}

}  // namespace coworker
