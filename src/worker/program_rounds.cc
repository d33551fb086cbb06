#include "worker/program_rounds.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "worker/ending.h"
#include "worker/json_conversation.h"

namespace coworker::worker {
namespace {

Result<> result_of(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::ok) return {};
  return fail(Errc::internal, outcome.reason);
}

}  // namespace

CommandRounds::CommandRounds(async::Loop& loop, ProcessOptions options, const LoopSpec& spec, LoopPage& page)
    : loop_{loop},
      options_{std::move(options)},
      name_{spec.name},
      stop_grace_{spec.stop_grace},
      page_{page},
      timer_{loop} {
  proc::set_variable(options_.environment, "COWORKER_LOOP", spec.name);
  proc::set_variable(options_.environment, "COWORKER_LOOP_ID", spec.id);
  proc::set_variable(options_.environment, "COWORKER_REPORT", "/dev/fd/3");
}

void CommandRounds::round(std::uint64_t number, Done done) {
  LineProcess::Options process;
  process.child = child_of(options_);
  proc::set_variable(process.child.launch.environment, "COWORKER_ROUND", std::to_string(number));
  LineProcess::Events events;
  events.on_line = [this](std::string_view line) {
    page_.beat();
    if (const Report report = read_report(line); !report.text.empty()) log::info(report.text);
  };
  events.on_too_long = [] {};
  events.on_print = [](std::string_view line) {
    if (!line.empty()) log::info(line);
  };
  events.on_end = [this, done = std::move(done)](Result<proc::Certificate> end) {
    process_.reset();
    timer_.cancel();
    done(result_of(outcome_of(std::move(end))));
  };
  process_ = LineProcess::start(loop_, std::move(process), std::move(events));
}

void CommandRounds::command(std::string word, boost::json::value, Reply reply) {
  reply(fail(Errc::not_found,
             fmt::format("loop worker '{}' is a command and takes none, so not '{}' either", name_, word)));
}

void CommandRounds::hurry() {
  if (!process_) return;
  timer_.expires_after(stop_grace_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && process_) process_->stop(proc::Killed::stopped, options_.grace);
  });
}

PipeRounds::PipeRounds(async::Loop& loop, ProcessOptions options, const LoopSpec& spec, LoopPage& page)
    : name_{spec.name},
      stop_grace_{spec.stop_grace},
      kill_grace_{spec.kill_grace},
      page_{page},
      pool_{std::make_unique<PipeWorker>(loop, std::move(options), PoolLimits{},
                                         [](const auto&, auto&) { return std::make_unique<JsonConversation>(); })},
      timer_{loop} {}

void PipeRounds::ask(std::string body, std::function<void(Outcome)> then) {
  Job job;
  job.id = fmt::format("{}-{}", name_, ++asked_);
  job.queue = name_;
  job.body = std::move(body);
  Watcher watcher;
  watcher.on_report = [this](const Report& report) {
    page_.beat();
    if (!report.text.empty()) log::info(report.text);
  };
  watcher.on_end = [this, then = std::move(then)](Outcome outcome) {
    execution_.reset();
    timer_.cancel();
    then(std::move(outcome));
  };
  execution_ = pool_->start(std::move(job), std::move(watcher));
}

void PipeRounds::round(std::uint64_t number, Done done) {
  ask(fmt::format("{{\"round\":{}}}", number),
      [done = std::move(done)](const Outcome& outcome) { done(result_of(outcome)); });
}

void PipeRounds::command(std::string word, boost::json::value arguments, Reply reply) {
  const boost::json::object body{{"command", word}, {"arguments", std::move(arguments)}};
  ask(boost::json::serialize(body), [reply = std::move(reply)](Outcome outcome) {
    if (const Result<> result = result_of(outcome); !result) return reply(tl::unexpected{result.error()});
    boost::json::error_code error;
    boost::json::value value = boost::json::parse(outcome.result, error);
    if (!error) return reply(std::move(value));
    if (outcome.result.empty()) return reply(boost::json::value{});
    reply(boost::json::value(outcome.result));
  });
}

void PipeRounds::hurry() {
  if (!execution_) return;
  timer_.expires_after(stop_grace_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && execution_) execution_->stop(proc::Killed::stopped, kill_grace_);
  });
}

void PipeRounds::close() {
  pool_->close();
}

}  // namespace coworker::worker
