#include "coworker/daemon.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "app/daemon_run.h"

namespace coworker {
namespace {

using Answer = app::DaemonCalls::Answer;

async::Task<Answer> without_value(async::Task<Result<>> task) {
  Result<> done = co_await std::move(task);
  if (!done) co_return tl::unexpected{std::move(done.error())};
  co_return boost::json::value{};
}

void check(const Result<>& result) {
  if (!result) throw std::invalid_argument{result.error().message()};
}

}  // namespace

struct Daemon::State : app::DaemonParts {
  using Operation = async::Task<Result<>> (api::Backend::*)(std::string);

  boost::json::value ask(app::DaemonCalls::Ask question) {
    Answer answer = calls.run(std::move(question));
    if (!answer) throw std::runtime_error{answer.error().message()};
    return std::move(*answer);
  }
  void order(Operation operation, const std::string& worker) {
    ask([operation, worker](api::Backend& backend) { return without_value((backend.*operation)(worker)); });
  }
  void must_not_run(const char* what) const {
    if (running) throw std::logic_error{std::string{what} + " must come before the daemon runs"};
  }
};

Daemon::Daemon(const Value::Map& keys) : state_{std::make_unique<State>()} {
  Result<app::DaemonKeys> parsed = app::parse_daemon_keys(keys);
  if (!parsed) throw std::invalid_argument{parsed.error().message()};
  state_->keys = std::move(*parsed);
}

Daemon::~Daemon() = default;

Daemon& Daemon::add(std::string name, LoopOptions options, std::function<std::unique_ptr<LoopWorker>()> make) {
  state_->must_not_run("install");
  if (name.empty()) throw std::invalid_argument{"a loop worker needs a name"};
  if (options.looptime < std::chrono::milliseconds{1}) {
    throw std::invalid_argument{"the looptime of '" + name + "' is shorter than a millisecond"};
  }
  worker::LoopEntry entry{std::move(make), std::move(options)};
  entry.listen = [events = &state_->events](const std::string& word, LoopWorker& worker) {
    return events->tell_worker_event(word, worker);
  };
  if (!state_->workers.add_loop(name, std::move(entry))) {
    throw std::invalid_argument{"there is a loop worker '" + name + "' already"};
  }
  return *this;
}

Methods& Daemon::methods() {
  return state_->methods;
}

Daemon& Daemon::setup(std::function<void(Daemon&)> hook) {
  state_->setup = [this, hook = std::move(hook)] { hook(*this); };
  return *this;
}

Daemon& Daemon::listen(const std::string& event, Listener listener, int priority) {
  state_->must_not_run("listen");
  check(state_->events.listen(event, std::move(listener), priority, false));
  return *this;
}

Daemon& Daemon::listen_once(const std::string& event, Listener listener, int priority) {
  state_->must_not_run("listen");
  check(state_->events.listen(event, std::move(listener), priority, true));
  return *this;
}

int Daemon::run(int argc, char** argv) {
  state_->must_not_run("run");
  state_->running = true;
  return app::run_daemon(*state_, argc, argv);
}

std::string Daemon::send(const std::string& worker, const std::string& word, const std::string& arguments) {
  boost::json::error_code error;
  boost::json::value parsed = boost::json::parse(arguments, error);
  if (error) throw std::invalid_argument{"the arguments of '" + word + "' are no JSON"};
  return boost::json::serialize(
      state_->ask([worker, word, parsed](api::Backend& backend) { return backend.send(worker, word, parsed); }));
}

void Daemon::pause(const std::string& worker) {
  state_->order(&api::Backend::pause, worker);
}

void Daemon::resume(const std::string& worker) {
  state_->order(&api::Backend::resume, worker);
}

void Daemon::start(const std::string& worker) {
  state_->order(&api::Backend::start, worker);
}

void Daemon::stop(const std::string& worker) {
  state_->order(&api::Backend::stop, worker);
}

void Daemon::restart(const std::string& worker) {
  state_->order(&api::Backend::restart, worker);
}

void Daemon::shutdown() {
  state_->ask([](api::Backend& backend) { return without_value(backend.shutdown()); });
}

}  // namespace coworker
