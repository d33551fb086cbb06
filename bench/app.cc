#include "coworker/app.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

/// A coworker program whose workers do nothing (`empty`), or say in the file BENCH_FILE when they began, in
/// nanoseconds of the monotonic clock, and under which pid: `stamp` and then ends, `hold` and stays at its first
/// attempt
/// (`bench_app work` is that as a command worker).
namespace {

void stamp(const std::string& body) {
  static const int fd = ::open(std::getenv("BENCH_FILE"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const std::string line =
      body + " " + std::to_string(std::chrono::nanoseconds{now}.count()) + " " + std::to_string(::getpid()) + "\n";
  if (::write(fd, line.data(), line.size()) < 0) std::abort();
}

void hold(const coworker::Job& job) {
  stamp(job.body());
  if (job.attempt() > 1) return;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock{mutex};
  never.wait(lock, job.stop(), [] { return false; });
}

/// The same as a program of its own, with two generations of children that do not mind their parents' end.
int work(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--body=")) continue;
    const bool first = std::string_view{std::getenv("COWORKER_ATTEMPT")} == "1";
    if (first && std::system("sleep 1000 & (sleep 1000 &)") != 0) return 1;
    stamp(std::string{word.substr(7)});
    while (first) ::pause();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view{argv[1]} == "work") return work(argc, argv);
  coworker::App app;
  app.worker("empty", [](const coworker::Job&) {});
  app.worker("stamp", [](const coworker::Job& job) { stamp(job.body()); });
  app.worker("hold", hold);
  const auto echo = [](const std::string& text) { return text; };
  app.methods().add_quick("bench.echo", "Says it back", {"text"}, echo);
  app.methods().add("bench.thread_echo", "Says it back, from a thread", {"text"}, echo);
  return app.run(argc, argv);
}
