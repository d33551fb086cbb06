#include "proc/systemd.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace coworker::proc {
namespace {

std::string take_variable(const char* name) {
  const char* given = std::getenv(name);
  std::string value = given == nullptr ? "" : given;
  ::unsetenv(name);
  return value;
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

/// What a line is to be, and a datagram of lines cannot hold.
std::string one_line(std::string_view text) {
  std::string line{text};
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::int64_t monotonic_usec() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

Systemd::Systemd() {
  const std::string path = take_variable("NOTIFY_SOCKET");
  const std::string limit = take_variable("WATCHDOG_USEC");
  const std::string who = take_variable("WATCHDOG_PID");
  if (path.empty() || path.size() >= sizeof sockaddr_un{}.sun_path || (path[0] != '/' && path[0] != '@')) return;
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return;
  address_ = path;
  if (path[0] == '@') address_[0] = '\0';  // the abstract namespace
  const auto usec = number(limit);
  // It may be meant for the process that started us.
  if (usec && (who.empty() || number(who) == ::getpid())) watchdog_ = Millis{std::max<std::int64_t>(1, *usec / 2'000)};
}

void Systemd::ready(std::string_view status) {
  status_ = one_line(status);
  send("READY=1\nSTATUS=" + status_);
}

void Systemd::reloading() {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_usec()));
}

void Systemd::stopping() {
  send("STOPPING=1\nSTATUS=stopping");
}

void Systemd::status(std::string_view status) {
  std::string line = one_line(status);
  if (line == status_) return;
  status_ = std::move(line);
  send("STATUS=" + status_);
}

void Systemd::alive() {
  send("WATCHDOG=1");
}

void Systemd::send(std::string_view state) {
  if (!socket_) return;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address_.copy(name.sun_path, address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  ::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&name), size);
}

async::Task<> keep_alive(Systemd* manager, async::Event* over) {
  if (!manager->watchdog()) co_return;
  const Millis period = *manager->watchdog();
  bool is_over = false;
  while (!is_over) {
    manager->alive();
    is_over = co_await over->wait_for(period);
  }
}

}  // namespace coworker::proc
