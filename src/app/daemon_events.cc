#include "app/daemon_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <exception>
#include <optional>
#include <string_view>

#include "base/log.h"

namespace coworker::app {
namespace {

constexpr std::string_view kPosix = "daemon.posix.";
constexpr std::string_view kSocket = "daemon.socket.client.";
constexpr std::string_view kWorker = "daemon.worker.";
constexpr std::size_t kMostWaiting = 10'000;

// Caught in any case: else they would end the daemon.
constexpr std::array kFatal{SIGHUP,  SIGINT, SIGTERM,   SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
                            SIGPROF, SIGIO,  SIGSTKFLT, SIGPWR,  SIGXCPU, SIGXFSZ};
// Caught only for who listens.
constexpr std::array kHarmless{SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGPIPE};

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name == nullptr ? "" : fmt::format("SIG{}", name);
}

template <class All, class One>
bool holds(const All& all, const One& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// The signal that "15" or "SIGTERM" names.
std::optional<int> signal_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) {
    return signal_name(number).empty() ? std::nullopt : std::optional{number};
  }
  if (text == "SIGIO") return SIGIO;  // which has two names
  for (number = 1; number < NSIG; ++number) {
    if (signal_name(number) == text) return number;
  }
  return std::nullopt;
}

Result<> check_name(std::string_view name) {
  if (name.starts_with(kPosix)) {
    const std::optional<int> number = signal_of(name.substr(kPosix.size()));
    if (!number) return fail(Errc::invalid_argument, fmt::format("'{}' names no signal", name));
    if (holds(kFatal, *number) || holds(kHarmless, *number)) return {};
    return fail(Errc::invalid_argument,
                fmt::format("'{}': {} keeps the meaning it has in the system", name, signal_name(*number)));
  }
  if (name == "daemon.socket.client.connect" || name == "daemon.socket.client.hangup") return {};
  if (name.starts_with(kWorker) && name.size() > kWorker.size()) return {};
  return fail(Errc::invalid_argument, fmt::format("there is no event '{}'; there are {}<number or name of a signal>, "
                                                  "{}connect, {}hangup, {}<word>",
                                                  name, kPosix, kSocket, kSocket, kWorker));
}

}  // namespace

DaemonEvents::~DaemonEvents() {
  if (thread_.joinable()) stop(Millis::max());
}

Result<> DaemonEvents::listen(const std::string& name, Daemon::Listener listener, int priority, bool once) {
  if (Result<> known = check_name(name); !known) return known;
  if (!listener) return fail(Errc::invalid_argument, fmt::format("the listener of '{}' is empty", name));
  const auto place = std::find_if(listeners_.begin(), listeners_.end(),
                                  [priority](const Registered& each) { return each.priority < priority; });
  std::string known_as = name == "daemon.posix.SIGIO" ? fmt::format("{}{}", kPosix, signal_name(SIGIO)) : name;
  listeners_.insert(place, Registered{std::move(known_as), std::move(listener), priority, once});
  return {};
}

std::vector<int> DaemonEvents::signals() const {
  std::vector<int> numbers{kFatal.begin(), kFatal.end()};
  for (const int number : kHarmless) {
    const std::array names{fmt::format("{}{}", kPosix, number), fmt::format("{}{}", kPosix, signal_name(number))};
    const bool wanted = std::any_of(listeners_.begin(), listeners_.end(),
                                    [&](const Registered& each) { return holds(names, each.name); });
    if (wanted) numbers.push_back(number);
  }
  return numbers;
}

void DaemonEvents::start() {
  thread_ = std::thread{[this] {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    work();
  }};
}

void DaemonEvents::emit(std::string name, int signal) {
  const std::lock_guard lock{mutex_};
  // A listener that hangs must not cost memory for ever.
  if (closed_ || waiting_.size() >= kMostWaiting) return;
  waiting_.push_back(DaemonEvent{std::move(name), signal, nullptr});
  changed_.notify_all();
}

void DaemonEvents::emit_signal(int number) {
  emit(fmt::format("{}{}", kPosix, number), number);
  emit(fmt::format("{}{}", kPosix, signal_name(number)), number);
}

bool DaemonEvents::stop(Millis limit) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock{mutex_};
  closed_ = true;
  changed_.notify_all();
  const auto is_quiet = [this] { return waiting_.empty() && !busy_; };
  if (limit == Millis::max()) {
    changed_.wait(lock, is_quiet);
  } else if (!changed_.wait_for(lock, limit, is_quiet)) {
    return false;
  }
  lock.unlock();
  thread_.join();
  return true;
}

bool DaemonEvents::tell_worker_event(const std::string& word, LoopWorker& worker) {
  return tell(DaemonEvent{fmt::format("{}{}", kWorker, word), 0, &worker});
}

bool DaemonEvents::tell(const DaemonEvent& event) {
  bool heard = false;
  for (Registered& each : listeners_) {
    if (each.name != event.name || each.over) continue;
    each.over = each.once;
    heard = true;
    try {
      each.listener(event);
    } catch (const std::exception& error) {
      log::error(fmt::format("a listener of {}: {}", event.name, error.what()));
    } catch (...) {
      log::error(fmt::format("a listener of {} threw something", event.name));
    }
  }
  return heard;
}

void DaemonEvents::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    const DaemonEvent event = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    lock.unlock();
    tell(event);
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace coworker::app
