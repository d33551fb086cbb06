#include <fmt/format.h>
#include <sys/socket.h>

#include "coworker/worker_factory.h"
#include "worker/kill_switch.h"
#include "worker/master_line.h"
#include "worker/raw_channel.h"
#include "worker/shared_master.h"

namespace coworker {

using worker::deadline_in;
using worker::KillSwitch;
using worker::MasterLine;
using worker::SharedStart;
using worker::Switched;

namespace {

Answer<SharedStart> start_of(const Profile& profile, const std::string& address, const std::string& name,
                             const std::vector<std::string>& command) {
  Result<channel::Address> parsed = worker::parse_shared_address(address);
  if (!parsed) return Failure{Trouble::invalid, parsed.error().message()};
  return SharedStart{profile, std::move(*parsed), name, command};
}

}  // namespace

SharedWorker::SharedWorker() = default;
SharedWorker::SharedWorker(SharedWorker&&) noexcept = default;
SharedWorker& SharedWorker::operator=(SharedWorker&&) noexcept = default;
SharedWorker::~SharedWorker() = default;

std::optional<long> SharedWorker::pid() const {
  // Behind TLS the socket's other end is in this process.
  if (address_.starts_with("tls:")) return std::nullopt;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  const int fd = line_->native_handle();
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.pid > 0)
    return credentials.pid;
  return std::nullopt;
}

Answer<Status> SharedWorker::query(std::chrono::milliseconds timeout) {
  return line_->query(cookie_.empty() ? std::nullopt : std::optional{cookie_}, deadline_in(timeout));
}

Answer<bool> SharedWorker::stop(std::chrono::milliseconds timeout) {
  if (cookie_.empty()) return Failure{Trouble::denied, "stop: there is no cookie"};
  return line_->stop(cookie_, deadline_in(timeout));
}

Answer<> SharedWorker::wait_for_end(std::chrono::milliseconds timeout) {
  return line_->wait_for_end(deadline_in(timeout));
}

Answer<SharedWorker> WorkerFactory::connect_or_start(const std::string& address, const std::string& name,
                                                     const std::vector<std::string>& command) const {
  const Answer<SharedStart> start = start_of(profile_, address, name, command);
  if (!start) return start.failure();
  const Answer<std::string> cookie = worker::cookie_of(profile_);
  if (!cookie) return cookie.failure();
  Answer<Fd> fd = worker::connect_or_start(*start, deadline_in(profile_.connect_limit));
  if (!fd) return fd.failure();
  SharedWorker connected;
  connected.line_ =
      std::make_unique<MasterLine>(std::move(*fd), Fd{}, MasterLine::Kind::shared,
                                   channel::JsonStream::Limits{profile_.longest_message, profile_.deepest_message});
  connected.address_ = to_string(start->address);
  connected.cookie_ = *cookie;
  return connected;
}

Answer<SharedWorker> WorkerFactory::connect(const std::string& address, const std::string& name) const {
  return connect_or_start(address, name, {});
}

Answer<SharedWorker> WorkerFactory::connect_program(const std::string& address,
                                                    const std::vector<std::string>& command) const {
  return connect_or_start(address, {}, command);
}

Answer<> WorkerFactory::start_shared(const std::string& address, const std::string& name) const {
  const Answer<SharedStart> start = start_of(profile_, address, name, {});
  if (!start) return start.failure();
  return worker::start_shared(*start, deadline_in(profile_.connect_limit));
}

Answer<> WorkerFactory::start_shared_program(const std::string& address,
                                             const std::vector<std::string>& command) const {
  const Answer<SharedStart> start = start_of(profile_, address, {}, command);
  if (!start) return start.failure();
  return worker::start_shared(*start, deadline_in(profile_.connect_limit));
}

// ---- the kill switch ----------------------------------------------------------------------------

namespace {

Answer<Switched> answer_of(Result<Switched> switched) {
  if (switched) return std::move(*switched);
  return Failure{switched.error().code() == Errc::corrupt ? Trouble::garbage : Trouble::failed,
                 switched.error().message()};
}

/// As the worker of an address calls itself; a text that is none stays.
std::string own_name(const std::string& address) {
  const Result<channel::Address> parsed = worker::parse_shared_address(address);
  return parsed ? to_string(*parsed) : address;
}

Answer<Switched> look(const Profile& profile) {
  if (profile.kill_switch.empty()) return Failure{Trouble::invalid, "the profile names no kill switch"};
  return answer_of(KillSwitch{profile.kill_switch}.read());
}

Answer<> edit(const Profile& profile, const std::function<void(Switched&)>& change) {
  if (profile.kill_switch.empty()) return Failure{Trouble::invalid, "the profile names no kill switch"};
  const Answer<Switched> switched = answer_of(KillSwitch{profile.kill_switch}.edit(change));
  if (!switched) return switched.failure();
  return {};
}

}  // namespace

Answer<> WorkerFactory::disable_shared(const std::vector<std::string>& addresses) const {
  return edit(profile_, [&](Switched& state) {
    for (const std::string& each : addresses) state.disable(own_name(each));
  });
}

Answer<> WorkerFactory::enable_shared(const std::vector<std::string>& addresses) const {
  return edit(profile_, [&](Switched& state) {
    for (const std::string& each : addresses) {
      state.enable(each);
      state.enable(own_name(each));
    }
  });
}

Answer<> WorkerFactory::disable_all_shared() const {
  return edit(profile_, [](Switched& state) { state.global = true; });
}

Answer<> WorkerFactory::enable_all_shared() const {
  return edit(profile_, [](Switched& state) { state.global = false; });
}

Answer<> WorkerFactory::enable_everything() const {
  return edit(profile_, [](Switched& state) {
    state.global = false;
    state.addresses.clear();
  });
}

Answer<bool> WorkerFactory::is_shared_disabled(const std::string& address) const {
  const Answer<Switched> switched = look(profile_);
  if (!switched) return switched.failure();
  return switched->disables(own_name(address));
}

Answer<bool> WorkerFactory::are_all_shared_disabled() const {
  const Answer<Switched> switched = look(profile_);
  if (!switched) return switched.failure();
  return switched->global;
}

Answer<std::vector<std::string>> WorkerFactory::disabled_shared() const {
  const Answer<Switched> switched = look(profile_);
  if (!switched) return switched.failure();
  return switched->addresses;
}

}  // namespace coworker
