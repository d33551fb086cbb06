#include "worker/command_worker.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "job/envelope.h"
#include "proc/child.h"

namespace coworker::worker {
namespace {

constexpr std::size_t kArgumentBytes = 128 * 1024;  // the kernel's limit, its NUL included

struct Words {
  std::vector<std::string> arguments;
  std::string input;
};

Words words_of(const Job& job) {
  const std::string queue = "--queue=" + job.queue;
  const std::string body = "--body=" + job.body;
  const std::string metadata = "--metadata=" + job.metadata;
  if (metadata.size() >= kArgumentBytes) {
    return Words{{queue, "--body=-", "--metadata=-"}, job::make_envelope(job.body, job.metadata)};
  }
  if (body.size() >= kArgumentBytes) return Words{{queue, "--body=-", metadata}, job.body};
  return Words{{queue, body, metadata}, {}};
}

/// A file in memory rather than a pipe: nobody has to feed it, and a worker that does not read it hurts nobody.
Result<Fd> file_of(const std::string& text) {
  Fd file{::memfd_create("job", MFD_CLOEXEC)};
  if (!file) return fail_errno(errno, "make a file for the job's body");
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(file.get(), text.data() + at, text.size() - at);
    if (wrote < 0 && errno != EINTR) return fail_errno(errno, "write the job's body");
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string last_line(const std::string& text) {
  constexpr std::size_t kLongest = 512;
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return {};
  const std::size_t start = text.find_last_of('\n', end);
  const std::string line = text.substr(start == std::string::npos ? 0 : start + 1, end + 1);
  return line.substr(0, std::min(kLongest, end - (start == std::string::npos ? 0 : start + 1) + 1));
}

Outcome outcome_of(Result<proc::Certificate> end) {
  if (!end) return Outcome::failed(end.error().message());
  Outcome outcome;
  if (end->killed == proc::Killed::process_timeout) {
    outcome.kind = Outcome::Kind::failed;
  } else if (end->killed != proc::Killed::no) {
    outcome.kind = Outcome::Kind::stopped;
  } else if (end->crashed()) {
    outcome.kind = Outcome::Kind::crashed;
  } else if (!end->exit.clean()) {
    outcome.kind = Outcome::Kind::failed;
  }
  if (outcome.kind == Outcome::Kind::ok) {
    outcome.result = end->output;
  } else {
    outcome.reason = end->describe();
    if (const std::string line = last_line(end->error_output); !line.empty()) outcome.reason += ": " + line;
  }
  outcome.certificate = std::move(*end);
  return outcome;
}

/// What leaves its group is found by its own start's name and by no other.
std::string next_start() {
  static std::atomic<std::uint64_t> starts = 0;
  return fmt::format("{}-{}", ::getpid(), ++starts);
}

class CommandExecution : public Execution {
 public:
  /// Without a child: it could not be started, and the outcome is on its way.
  explicit CommandExecution(std::shared_ptr<proc::Child> child = nullptr) : child_{std::move(child)} {}

  void stop(proc::Killed why, Millis grace) override {
    if (child_) child_->stop(why, grace);
  }

 private:
  std::shared_ptr<proc::Child> child_;
};

}  // namespace

CommandWorker::CommandWorker(async::Loop& loop, Options options) : loop_{loop}, options_{std::move(options)} {}

std::shared_ptr<Execution> CommandWorker::start(Job job, Watcher watcher) {
  Words words = words_of(job);
  proc::ChildOptions child;
  child.launch.argv = options_.command;
  for (std::string& word : words.arguments) child.launch.argv.push_back(std::move(word));
  child.launch.environment = options_.environment;
  proc::set_variable(child.launch.environment, "COWORKER_JOB_ID", job.id);
  proc::set_variable(child.launch.environment, "COWORKER_ATTEMPT", std::to_string(job.attempt));
  proc::set_variable(child.launch.environment, "COWORKER_QUEUE", job.queue);
  child.launch.directory = options_.directory;
  child.launch.limits = options_.limits;
  child.launch.keeper = options_.keeper;
  proc::set_variable(child.launch.environment, kStartVariable, next_start());
  child.mark = kStartVariable;
  child.timeout = job.process_timeout;
  child.grace = options_.grace;
  // Before it executes: a start that nobody saw must not look like none.
  if (watcher.on_start) watcher.on_start(0);
  child.on_start = watcher.on_start;
  if (!words.input.empty()) {
    Result<Fd> file = file_of(words.input);
    if (!file) {
      boost::asio::post(loop_, [on_end = std::move(watcher.on_end), reason = file.error().message()] {
        on_end(Outcome::failed(reason));
      });
      return std::make_shared<CommandExecution>();
    }
    child.input = std::move(*file);
  }
  return std::make_shared<CommandExecution>(proc::Child::start(
      loop_, std::move(child),
      [on_end = std::move(watcher.on_end)](Result<proc::Certificate> end) { on_end(outcome_of(std::move(end))); }));
}

}  // namespace coworker::worker
