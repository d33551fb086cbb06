#include "worker/isolated_worker.h"

#include <boost/asio/post.hpp>
#include <optional>

#include "base/file.h"
#include "worker/ending.h"
#include "worker/json_conversation.h"
#include "worker/line_process.h"

namespace coworker::worker {
namespace {

class IsolatedExecution : public Execution, public std::enable_shared_from_this<IsolatedExecution> {
 public:
  explicit IsolatedExecution(Watcher watcher) : watcher_{std::move(watcher)} {
    watcher_.on_report = limited(std::move(watcher_.on_report));
  }

  void begin(async::Loop& loop, const ProcessOptions& options, const Job& job) {
    conversation_.request(job);
    LineProcess::Options process;
    process.child = child_for(options, job);
    process.input = LineProcess::Input::file;
    // Before it executes: a start that nobody saw must not look like none.
    if (watcher_.on_start) watcher_.on_start(0);
    Result<Fd> file = memory_file("job", json_request(job, false));
    if (!file) {
      boost::asio::post(loop, [self = shared_from_this(), error = std::move(file).error()]() mutable {
        self->ended(tl::unexpected{std::move(error)});
      });
      return;
    }
    process.file = std::move(*file);
    LineProcess::Events events;
    events.on_start = watcher_.on_start;
    events.on_line = [self = shared_from_this()](std::string_view line) { self->heard(line); };
    events.on_print = [self = shared_from_this()](std::string_view line) { self->report(log_line(line)); };
    events.on_end = [self = shared_from_this()](Result<proc::Certificate> end) { self->ended(std::move(end)); };
    process_ = LineProcess::start(loop, std::move(process), std::move(events));
  }

  void stop(proc::Killed why, Millis grace) override {
    if (process_) process_->stop(why, grace);
  }

 private:
  void heard(std::string_view line) {
    Heard heard = conversation_.hear(line);
    if (heard.kind == Heard::Kind::report) report(std::move(heard.report));
    if (heard.kind == Heard::Kind::answer || heard.kind == Heard::Kind::garbage) answer_ = std::move(heard.outcome);
  }

  void report(Report report) { watcher_.on_report(std::move(report)); }

  void ended(Result<proc::Certificate> end) {
    process_.reset();
    const auto on_end = std::move(watcher_.on_end);
    watcher_ = {};
    on_end(answer_ ? outcome_with_answer(std::move(*answer_), std::move(end)) : outcome_without_answer(std::move(end)));
  }

  Watcher watcher_;
  JsonConversation conversation_;
  std::optional<Outcome> answer_;
  std::shared_ptr<LineProcess> process_;
};

}  // namespace

IsolatedWorker::IsolatedWorker(async::Loop& loop, ProcessOptions options) : loop_{loop}, options_{std::move(options)} {}

std::shared_ptr<Execution> IsolatedWorker::start(Job job, Watcher watcher) {
  auto execution = std::make_shared<IsolatedExecution>(std::move(watcher));
  execution->begin(loop_, options_, job);
  return execution;
}

}  // namespace coworker::worker
