#include "worker/command_worker.h"

#include <boost/asio/post.hpp>

#include "base/file.h"
#include "job/envelope.h"
#include "worker/ending.h"
#include "worker/json_conversation.h"
#include "worker/line_process.h"

namespace coworker::worker {
namespace {

constexpr std::size_t kArgumentBytes = 128 * 1024;  // the kernel's limit, its NUL included
constexpr std::size_t kLongestReport = 64 * 1024;

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

class CommandExecution : public Execution {
 public:
  /// Without a process: it could not be started, and the outcome is on its way.
  explicit CommandExecution(std::shared_ptr<LineProcess> process = nullptr) : process_{std::move(process)} {}

  void stop(proc::Killed why, Millis grace) override {
    if (process_) process_->stop(why, grace);
  }

 private:
  std::shared_ptr<LineProcess> process_;
};

}  // namespace

CommandWorker::CommandWorker(async::Loop& loop, Options options) : loop_{loop}, options_{std::move(options)} {}

std::shared_ptr<Execution> CommandWorker::start(Job job, Watcher watcher) {
  Words words = words_of(job);
  LineProcess::Options process;
  process.longest = kLongestReport;
  process.child = child_for(options_, job);
  proc::set_variable(process.child.launch.environment, "COWORKER_REPORT", "/dev/fd/3");
  for (std::string& word : words.arguments) process.child.launch.argv.push_back(std::move(word));
  // Before it executes: a start that nobody saw must not look like none.
  if (watcher.on_start) watcher.on_start(0);
  if (!words.input.empty()) {
    Result<Fd> file = memory_file("job", words.input);
    if (!file) {
      boost::asio::post(loop_, [on_end = std::move(watcher.on_end), reason = file.error().message()] {
        on_end(Outcome::failed(reason));
      });
      return std::make_shared<CommandExecution>();
    }
    process.child.input = std::move(*file);
  }
  LineProcess::Events events;
  events.on_start = std::move(watcher.on_start);
  events.on_line = [on_report = limited(std::move(watcher.on_report))](std::string_view line) {
    on_report(read_report(line));
  };
  events.on_end = [on_end = std::move(watcher.on_end)](Result<proc::Certificate> end) {
    on_end(outcome_of(std::move(end)));
  };
  return std::make_shared<CommandExecution>(LineProcess::start(loop_, std::move(process), std::move(events)));
}

}  // namespace coworker::worker
