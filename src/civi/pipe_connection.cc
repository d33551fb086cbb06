#include "civi/pipe_connection.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>

#include "job/json_text.h"
#include "proc/launch.h"

namespace coworker::civi {
namespace {

namespace json = boost::json;
using Kind = worker::Outcome::Kind;

constexpr const char* kVerbosity = "SHELL_VERBOSITY";

worker::ProcessOptions process_options(const PipeConnection::Options& options) {
  worker::ProcessOptions process;
  process.command = {"/bin/sh", "-c", options.command};
  process.directory = options.directory;
  process.environment = options.environment;
  process.grace = options.grace;
  process.on_standard = true;
  proc::set_variable(process.environment, "COWORKER_PIPE", "1");
  // Programs packed in a PHAR print what nobody asked for when they are told to be verbose.
  const std::string verbosity = proc::variable(process.environment, kVerbosity);
  if (std::atoi(verbosity.c_str()) > 1) proc::set_variable(process.environment, kVerbosity, "1");
  return process;
}

std::int64_t id_in(const json::value& records) {
  if (!records.is_array() || records.as_array().empty() || !records.as_array()[0].is_object()) return 0;
  const json::value* id = records.as_array()[0].as_object().if_contains("id");
  if (id == nullptr) return 0;
  if (id->is_string()) return std::atoll(id->as_string().c_str());
  return id->is_int64() ? id->as_int64() : 0;
}

}  // namespace

/// A call on its way. It may outlive its coroutine's frame only within the pool, which ends it.
struct PipeConnection::Pending {
  explicit Pending(async::Loop& loop) : done{loop.get_executor()} {}

  async::Event done;
  worker::Outcome outcome;
  std::shared_ptr<worker::Execution> execution;
  bool started = false;
};

PipeConnection::PipeConnection(async::Loop& loop, Options options)
    : loop_{loop},
      options_{std::move(options)},
      greeted_{std::make_shared<std::optional<Greeting>>()},
      idle_{loop.get_executor()},
      empty_{loop.get_executor()} {
  pool_ = std::make_unique<worker::PipeWorker>(
      loop, process_options(options_), options_.limits,
      [this](const std::string& context, worker::ProcessOptions& process) { return converse(context, process); });
  pool_->on_change([this] {
    if (pool_->is_empty()) empty_.set();
    if (when_freed_) when_freed_();
  });
  idle_.set();
}

PipeConnection::~PipeConnection() = default;

std::unique_ptr<worker::Conversation> PipeConnection::converse(const std::string& context,
                                                               worker::ProcessOptions& process) {
  const Identity identity = contexts_[context];
  if (options_.keeper) process.keeper = options_.keeper();
  if (const auto own = options_.domains.find(identity.domain); own != options_.domains.end()) {
    process.command.back() = own->second;
  }
  return std::make_unique<PipeConversation>(options_.terms, identity, greeted_);
}

std::shared_ptr<PipeConnection::Pending> PipeConnection::start(Call call) {
  auto pending = std::make_shared<Pending>(loop_);
  worker::Job job;
  job.id = call.name;
  job.queue = call.entity + "." + call.action;
  job.body = fmt::format("[{},{},{}]", job::json_string(call.entity), job::json_string(call.action),
                         json::serialize(call.params));
  job.process_timeout = call.timeout > Millis{0} ? call.timeout : options_.timeout;
  job.context = context_name(call.identity);
  contexts_.emplace(job.context, call.identity);
  const std::uint64_t number = ++last_;
  worker::Watcher watcher;
  watcher.on_start = [pending, then = std::move(call.on_start)](pid_t pid) {
    pending->started = true;
    if (then) then(pid);
  };
  watcher.on_report = [then = std::move(call.on_print)](const worker::Report& report) {
    if (then) then(report.text);
  };
  watcher.on_end = [this, pending, number](worker::Outcome outcome) {
    pending->outcome = std::move(outcome);
    pending->execution.reset();
    pending->done.set();
    open_.erase(number);
    if (open_.empty()) idle_.set();
  };
  idle_.reset();
  open_.emplace(number, pending);
  std::shared_ptr<worker::Execution> execution = pool_->start(std::move(job), std::move(watcher));
  if (!pending->done.is_set()) pending->execution = std::move(execution);
  return pending;
}

async::Task<Reply> PipeConnection::call(Call call) {
  const std::shared_ptr<Pending> pending = start(std::move(call));
  co_await pending->done.wait();
  co_return reply_of(*pending);
}

Reply PipeConnection::reply_of(Pending& pending) const {
  worker::Outcome& outcome = pending.outcome;
  Reply reply;
  reply.certificate = std::move(outcome.certificate);
  if (outcome.kind == Kind::ok) {
    boost::system::error_code error;
    reply.values = json::parse(outcome.result, error);
    return reply;
  }
  const bool answered = outcome.kind == Kind::failed && !reply.certificate;
  reply.kind = !pending.started ? Reply::Kind::unsent : answered ? Reply::Kind::refused : Reply::Kind::lost;
  reply.reason = std::move(outcome.reason);
  const bool is_denied =
      reply.kind == Reply::Kind::refused && reply.reason.find("Authorization failed") != std::string::npos;
  reply.code = is_denied ? Errc::denied : answered ? Errc::invalid_argument : Errc::unavailable;
  return reply;
}

async::Task<Result<Site>> PipeConnection::open() {
  const json::object params = json::parse(R"({"select":["id"],"where":[["id","=","current_domain"]]})").as_object();
  auto begun = std::chrono::steady_clock::now();
  for (int round = 0; round < 2; ++round) {
    begun = std::chrono::steady_clock::now();
    Call question{"Domain", "get", params};
    const Reply reply = co_await call(std::move(question));
    // A refusal is an answer, too: whose domain it is stays unknown then.
    if (reply.kind != Reply::Kind::answered && reply.kind != Reply::Kind::refused) {
      co_return fail(reply.code, fmt::format("the pipe '{}': {}", options_.command, reply.reason));
    }
    if (reply.ok()) own_domain_ = id_in(reply.values);
  }
  Site site;
  site.latency = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun);
  site.address = options_.command;
  site.domain = own_domain_;
  if (*greeted_) {
    site.version = (*greeted_)->version;
    site.greeting = (*greeted_)->text;
    site.can_log_in = (*greeted_)->can_log_in;
  }
  co_return site;
}

void PipeConnection::learn(const Site& site) {
  if (own_domain_ == 0) own_domain_ = site.domain;
}

Result<> PipeConnection::check_identity(const Identity& identity) const {
  if (!identity.is_nobody() && *greeted_ && !(*greeted_)->can_log_in) {
    return fail(Errc::denied,
                fmt::format("contact {} cannot log in: the site's extension AuthX is not active", identity.contact));
  }
  if (identity.domain == 0 || own_domain_ == 0 || identity.domain == own_domain_) return {};
  if (options_.domains.contains(identity.domain)) return {};
  return fail(Errc::invalid_argument,
              fmt::format("it belongs to domain {}, and the pipe to domain {}: name a pipe for it under civi.domains",
                          identity.domain, own_domain_));
}

void PipeConnection::stop_all(bool only_waiting) {
  // Ends may come at once, and take their call out of the list.
  const std::map<std::uint64_t, std::shared_ptr<Pending>> open = open_;
  for (const auto& [number, pending] : open) {
    if (pending->execution && !(only_waiting && pending->started)) {
      pending->execution->stop(proc::Killed::stopped, options_.grace / 2);
    }
  }
}

async::Task<> PipeConnection::close(Millis grace) {
  pool_->close();
  stop_all(true);
  const bool ended = co_await idle_.wait_for(grace);
  if (!ended) stop_all(false);
  co_await idle_.wait();
  if (pool_->is_empty()) co_return;
  empty_.reset();
  co_await empty_.wait();
}

}  // namespace coworker::civi
