#include "proc/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "proc/group.h"
#include "proc/keeper_link.h"
#include "proc/strays.h"

namespace coworker::proc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis kLongestPause{50};
constexpr Seconds kComplainAfter{5};
constexpr std::size_t kTurnBytes = 1 << 20;  // read at once; a pipe holds no more

std::uint64_t own_peak() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
}

}  // namespace

std::shared_ptr<Child> Child::start(async::Loop& loop, ChildOptions options, Done done) {
  std::shared_ptr<Child> child{new Child{loop, std::move(options), std::move(done)}};
  child->launch();
  return child;
}

Child::Child(async::Loop& loop, ChildOptions options, Done done)
    : loop_{loop},
      options_{std::move(options)},
      done_{std::move(done)},
      out_{loop, options_.tail},
      err_{loop, options_.tail},
      pidfd_{loop},
      timer_{loop} {}

Result<> Child::open_outputs(Launch& launch) {
  if (launch.fds.size() < 3) launch.fds.resize(3, -1);
  if (launch.fds[0] < 0) launch.fds[0] = options_.input.get();
  if (launch.fds[1] < 0) {
    if (Result<> made = open_output(out_, out_end_); !made) return made;
    launch.fds[1] = out_end_.get();
  }
  if (Result<> made = open_output(err_, err_end_); !made) return made;
  launch.fds[2] = err_end_.get();
  return {};
}

Result<> Child::open_output(Output& output, Fd& end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "make a pipe");
  Fd own{ends[0]};
  end.reset(ends[1]);
  ::fcntl(own.get(), F_SETFL, O_NONBLOCK);
  boost::system::error_code error;
  output.stream.assign(own.get(), error);
  if (error) return fail(Errc::internal, "watch a pipe: " + error.message());
  own.release();
  return {};
}

void Child::launch() {
  Launch launch = options_.launch;
  std::shared_ptr<Child> self = shared_from_this();
  if (!options_.mark.empty()) mark_ = variable(launch.environment, options_.mark);
  if (Result<> opened = options_.capture ? open_outputs(launch) : Result<>{}; !opened) {
    boost::asio::post(loop_, [self, error = std::move(opened).error()]() mutable {
      self->started(tl::unexpected{std::move(error)});
    });
    return;
  }
  // The loop must not run dry while only the spawning thread works for it.
  auto guard = std::make_shared<boost::asio::executor_work_guard<async::Loop::executor_type>>(loop_.get_executor());
  spawn_async(std::move(launch), [self = std::move(self), guard](Result<Process> process) mutable {
    auto result = std::make_shared<Result<Process>>(std::move(process));
    boost::asio::post(guard->get_executor(), [self = std::move(self), result] { self->started(std::move(*result)); });
    guard->reset();
  });
}

void Child::started(Result<Process> process) {
  out_end_.reset();
  err_end_.reset();
  options_.input.reset();
  if (!process) {
    out_.stream.close();
    err_.stream.close();
    const Done done = std::move(done_);
    done(tl::unexpected{std::move(process).error()});
    return;
  }
  pid_ = process->pid;
  started_ = process->started;
  boost::system::error_code error;
  pidfd_.assign(process->pidfd.release(), error);
  if (error) log::critical(fmt::format("watch process {}: {}", pid_, error.message()));
  for (Output* output : {&out_, &err_}) {
    if (output->stream.is_open()) read(*output);
  }
  pidfd_.async_wait(Stream::wait_read, [self = shared_from_this()](boost::system::error_code failed) {
    if (!failed) self->ended();
  });
  if (options_.timeout > Millis{0}) arm(options_.timeout, &Child::on_timeout);
  if (options_.on_start) options_.on_start(pid_);
  if (stop_early_) stop(certificate_.killed, early_grace_);
}

void Child::read(Output& output) {
  // Waits, and reads itself: a read that the loop does could be done and not told yet when finish() drains the rest.
  output.stream.async_wait(Stream::wait_read, [self = shared_from_this(), &output](boost::system::error_code error) {
    if (!error && self->take(output)) self->read(output);
  });
}

bool Child::take(Output& output) {
  const int fd = output.stream.native_handle();
  for (std::size_t total = 0; total < kTurnBytes;) {
    const ssize_t got = ::read(fd, output.buffer.data(), output.buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 && errno == EAGAIN;
    const std::string_view part{output.buffer.data(), static_cast<std::size_t>(got)};
    output.tail.append(part);
    if (options_.on_output) options_.on_output(part, &output == &err_);
    total += static_cast<std::size_t>(got);
  }
  return true;
}

void Child::take_output() {
  for (Output* output : {&out_, &err_}) {
    if (output->stream.is_open()) take(*output);
  }
}

void Child::drain(Output& output) {
  if (!output.stream.is_open()) return;
  take(output);
  output.stream.close();
}

void Child::arm(Millis delay, void (Child::*then)()) {
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), then](boost::system::error_code error) {
    if (!error) (self.get()->*then)();
  });
}

void Child::stop(Killed why, Millis grace) {
  if (certificate_.killed == Killed::no) certificate_.killed = why;
  if (over_) return;
  if (pid_ == 0) {
    early_grace_ = stop_early_ ? std::min(early_grace_, grace) : grace;
    stop_early_ = true;
    return;
  }
  if (grace <= Millis{0}) {
    timer_.cancel();
    signal_group(pid_, SIGKILL);
    return;
  }
  signal_group(pid_, SIGTERM);
  arm(grace, &Child::on_grace_end);
}

void Child::on_timeout() {
  if (over_ || certificate_.killed != Killed::no) return;
  certificate_.limit = options_.timeout;
  stop(Killed::process_timeout, options_.grace);
}

void Child::on_grace_end() {
  if (!over_) signal_group(pid_, SIGKILL);
}

void Child::ended() {
  over_ = true;
  // The leader is a zombie until it is reaped, so its number cannot have been given to others.
  signal_group(pid_, SIGKILL);
  Result<std::optional<Ended>> end = reap(pidfd_.native_handle());
  if (!end) log::error(fmt::format("process {}: {}", pid_, end.error().message()));
  pidfd_.close();
  if (end && *end) {
    certificate_.exit = (*end)->exit;
    certificate_.usage = (*end)->usage;
  }
  certificate_.pid = pid_;
  certificate_.wall = std::chrono::duration_cast<Millis>(Clock::now() - started_);
  certificate_.peak_is_bound = certificate_.usage.peak_memory <= own_peak();
  certificate_.memory_limit = options_.launch.limits.memory;
  certificate_.cpu_limit = options_.launch.limits.cpu;
  complain_ = Clock::now() + kComplainAfter;
  confirm();
}

void Child::confirm() {
  if (!anything_runs()) return finish();
  if (Clock::now() >= complain_) {
    log::error(fmt::format("processes of group {} do not die, its job waits for that", pid_));
    complain_ = Clock::now() + Seconds{60};
  }
  arm(pause_, &Child::confirm);
  pause_ = std::min(pause_ * 2, kLongestPause);
}

bool Child::anything_runs() {
  const bool strays = !mark_.empty() && kill_strays(options_.mark, mark_) > 0;
  if (!group_runs(pid_)) return strays;
  signal_group(pid_, SIGKILL);
  return true;
}

void Child::finish() {
  timer_.cancel();
  if (options_.launch.keeper >= 0) tell_dead(options_.launch.keeper, pid_);
  drain(out_);
  drain(err_);
  certificate_.output = out_.tail.take();
  certificate_.error_output = err_.tail.take();
  const Done done = std::move(done_);
  done(std::move(certificate_));
}

}  // namespace coworker::proc
