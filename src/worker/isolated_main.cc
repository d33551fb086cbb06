#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "worker/isolated_worker.h"
#include "worker/json_conversation.h"

namespace coworker::worker {
namespace {

constexpr int kJobFd = 3;
constexpr int kAnswerFd = 4;

int stop_event = -1;

void on_terminate(int) {
  const std::uint64_t one = 1;
  const int before = errno;
  [[maybe_unused]] const ssize_t wrote = ::write(stop_event, &one, sizeof one);
  errno = before;
}

/// SIGTERM becomes a request to stop. The thread ends with the process.
void stop_at_signal(const std::stop_source& source) {
  stop_event = ::eventfd(0, EFD_CLOEXEC);
  if (stop_event < 0) return;
  std::thread{[source]() mutable {
    std::uint64_t count = 0;
    while (::read(stop_event, &count, sizeof count) < 0 && errno == EINTR) {
    }
    source.request_stop();
  }}.detach();
  struct sigaction action{};
  action.sa_handler = on_terminate;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
}

/// Several threads of the handler may report.
class Answers {
 public:
  void write(std::string_view text) {
    const std::lock_guard lock{mutex_};
    // Nobody may be listening any more; then nobody misses it.
    [[maybe_unused]] const Result<> wrote = write_all(kAnswerFd, text);
  }

 private:
  std::mutex mutex_;
};

}  // namespace

int run_isolated(const Handler& handler) {
  // What the handler starts shall hold neither end open.
  ::fcntl(kJobFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kAnswerFd, F_SETFD, FD_CLOEXEC);
  const Result<std::string> text = read_all(kJobFd);
  if (!text) {
    std::fputs(fmt::format("coworker: {}\n", text.error().message()).c_str(), stderr);
    return 1;
  }
  const Result<Job> job = parse_json_request(*text);
  if (!job) {
    std::fputs(fmt::format("coworker: read the job: {}\n", job.error().message()).c_str(), stderr);
    return 1;
  }
  ::close(kJobFd);
  const std::stop_source source;
  stop_at_signal(source);
  Answers answers;
  const Contact contact{source.get_token(), [&](const Report& report) { answers.write(json_report(job->id, report)); }};
  const Outcome outcome = call(handler, *job, contact);
  std::fflush(nullptr);
  answers.write(json_answer(job->id, outcome));
  return 0;
}

}  // namespace coworker::worker
