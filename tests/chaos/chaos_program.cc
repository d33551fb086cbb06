#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>

#include "coworker/app.h"
#include "proc/group.h"

/// A coworker program with workers that misbehave on demand, and (`chaos_program work …`) the command worker of the
/// same tests. What happens is told line by line over the named pipe CHAOS_DIR/events:
///
///     start ID PID ATTEMPT clean|overlap     overlap: processes of an earlier start of this job still run
///     done ID PID
///     failed ID PID, buried ID PID           where CHAOS_HOOKS is set: by its hooks
///
/// The job's body says what to do: "quick" ends well; "once" holds on at its first start and is quick at the next;
/// "hold" holds on; "abort" dies.
namespace {

std::string folder() {
  const char* given = std::getenv("CHAOS_DIR");
  return given != nullptr ? given : ".";
}

void tell(const std::string& line) {
  const int fd = ::open((folder() + "/events").c_str(), O_WRONLY | O_CLOEXEC);
  const std::string text = line + "\n";
  if (::write(fd, text.data(), text.size()) < 0) std::abort();
  ::close(fd);
}

std::string file_of(std::string id) {
  for (char& c : id) {
    if (c == '/') c = '_';
  }
  return folder() + "/job-" + id;
}

/// At once: a kill may come at any moment.
void write_file(const std::string& file, pid_t pid) {
  const std::string half = file + "." + std::to_string(pid);
  std::ofstream{half} << pid << "\n";
  std::filesystem::rename(half, file);
}

bool holds(std::string_view body, bool first) {
  return body == "\"hold\"" || (body == "\"once\"" && first);
}

int work(std::string_view body) {
  const std::string id = std::getenv("COWORKER_JOB_ID");
  const std::string file = file_of(id);
  pid_t former = 0;
  std::ifstream{file} >> former;
  const bool overlap = former > 0 && coworker::proc::group_runs(former);
  write_file(file, ::getpid());
  // Two generations that do not mind their parents' end.
  if (std::system("trap '' HUP TERM; sleep 1000 & (sleep 1000 &)") != 0) return 1;
  tell("start " + id + " " + std::to_string(::getpid()) + " " + std::getenv("COWORKER_ATTEMPT") +
       (overlap ? " overlap" : " clean"));
  if (body == "\"abort\"") std::abort();
  while (holds(body, former == 0)) ::pause();
  tell("done " + id + " " + std::to_string(::getpid()));
  return 0;
}

void work_inline(const coworker::Job& job) {
  const bool first = !std::filesystem::exists(file_of(job.id()));
  write_file(file_of(job.id()), ::getpid());
  tell("start " + job.id() + " " + std::to_string(::getpid()) + " " + std::to_string(job.attempt()) + " clean");
  if (job.body() == "\"abort\"") std::abort();
  if (holds(job.body(), first)) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock{mutex};
    never.wait(lock, job.stop(), [] { return false; });
    throw std::runtime_error{"asked to stop"};
  }
  tell("done " + job.id() + " " + std::to_string(::getpid()));
}

/// One of a great many: says in one line that it was done. Every hundredth fails at first.
void work_in_masses(const coworker::Job& job) {
  if (job.attempt() == 1 && job.body().ends_with("37")) throw std::runtime_error{"not yet"};
  static const int fd = ::open((folder() + "/effects").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  const std::string line = job.body() + " " + std::to_string(::getpid()) + " " + std::to_string(::getppid()) + "\n";
  if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) throw std::runtime_error{"write"};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view{argv[1]} == "work") {
    for (int i = 2; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word.starts_with("--body=")) return work(word.substr(7));
    }
    return 2;
  }
  coworker::App app;
  app.worker("inline", work_inline);
  app.worker("mass", work_in_masses);
  if (std::getenv("CHAOS_HOOKS") != nullptr) {
    app.hooks().on_failure([](const coworker::FailedAttempt& failed) {
      tell("failed " + failed.job.id() + " " + std::to_string(::getpid()));
    });
    app.hooks().on_bury([](const coworker::Job& job, const std::string&) {
      tell("buried " + job.id() + " " + std::to_string(::getpid()));
    });
  }
  return app.run(argc, argv);
}
