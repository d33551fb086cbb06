#include "coworker/app.h"

#include <mutex>
#include <stdexcept>
#include <utility>

#include "app/command.h"
#include "app/configuration.h"
#include "app/process_here.h"
#include "app/worker_registry.h"
#include "job/json_text.h"
#include "worker/registry.h"
#include "worker/worker_process.h"

namespace coworker {

namespace {

worker::Outcome call(const WorkerFunction& function, const worker::Job& job, const worker::Contact& contact) {
  const auto report = [&contact](std::optional<double> fraction, std::string text) {
    contact.report(worker::Report{fraction, std::move(text)});
  };
  const Outcome outcome = function(Job{job.id, job.queue, job.body, job.metadata, job.attempt, contact.stop, report});
  return outcome.is_done() ? worker::Outcome::ok(outcome.text()) : worker::Outcome::failed(outcome.text());
}

/// Made when first asked for; again after it threw.
struct Environment {
  std::mutex mutex;
  std::function<std::any()> set_up;
  std::any made;

  std::any& get() {
    const std::lock_guard lock{mutex};
    if (!made.has_value() && set_up) made = set_up();
    return made;
  }
};

/// A worker that is not made yet.
struct Unmade {
  std::mutex mutex;
  std::function<WorkerFunction(std::any&, const std::string&)> factory;
  WorkerFunction made;

  const WorkerFunction& get(Environment& environment, const std::string& name) {
    const std::lock_guard lock{mutex};
    if (!made) made = factory(environment.get(), name);
    return made;
  }
};

}  // namespace

struct App::State {
  worker::Registry workers;
  std::shared_ptr<Environment> environment = std::make_shared<Environment>();
  worker::Implementations implementations;
};

App::App() : state_{std::make_unique<State>()} {}
App::~App() = default;
App::App(App&&) noexcept = default;
App& App::operator=(App&&) noexcept = default;

App& App::add(std::string name, WorkerFunction function) {
  state_->workers.add(std::move(name),
                      [function = std::move(function)](const worker::Job& job, const worker::Contact& contact) {
                        return call(function, job, contact);
                      });
  return *this;
}

App& App::set_environment(std::function<std::any()> set_up) {
  const std::lock_guard lock{state_->environment->mutex};
  state_->environment->set_up = std::move(set_up);
  state_->environment->made.reset();
  return *this;
}

App& App::add_factory(std::string name, std::function<WorkerFunction(std::any&, const std::string&)> factory) {
  auto unmade = std::make_shared<Unmade>();
  unmade->factory = std::move(factory);
  state_->workers.add(
      name, [unmade, environment = state_->environment, name](const worker::Job& job, const worker::Contact& contact) {
        return call(unmade->get(*environment, name), job, contact);
      });
  return *this;
}

App& App::add_raw(std::string name, std::function<std::unique_ptr<RawWorker>(const std::string&)> make) {
  state_->implementations.by_name[std::move(name)] = worker::Implementation{std::move(make), {}};
  return *this;
}

App& App::add_evented(std::string name, std::function<std::unique_ptr<EventedWorker>(const std::string&)> make) {
  state_->implementations.by_name[std::move(name)] = worker::Implementation{{}, std::move(make)};
  return *this;
}

App& App::add_loop(std::string name, LoopOptions options, std::function<std::unique_ptr<LoopWorker>()> make) {
  if (!state_->workers.add_loop(name, worker::LoopEntry{std::move(make), std::move(options)})) {
    throw std::invalid_argument{"there is a loop worker '" + name + "' already"};
  }
  return *this;
}

App& App::at(Stage stage, std::function<void(const std::string& name)> hook) {
  state_->implementations.hooks[stage].push_back(std::move(hook));
  return *this;
}

Outcome App::process(const std::string& queue, const std::string& body, const std::string& metadata) const {
  const auto refuse = [](const Error& error) { return Outcome::failed(error.message()); };
  if (Result<> json = job::check_json(body); !json) return refuse(std::move(json.error()).wrap("the body is no JSON"));
  if (Result<> json = job::check_json(metadata); !json) {
    return refuse(std::move(json.error()).wrap("the metadata is no JSON"));
  }
  const Result<app::Configuration> configuration = app::load_configuration({}, {});
  if (!configuration) return refuse(configuration.error());
  const Result<service::Config> config = app::service_config(configuration->settings);
  if (!config) return refuse(config.error());
  worker::Job job;
  job.queue = queue;
  job.body = body;
  job.metadata = metadata;
  const Result<worker::Outcome> outcome = app::process_here(*config, state_->workers, std::move(job));
  if (!outcome) return refuse(outcome.error());
  return outcome->kind == worker::Outcome::Kind::ok ? Outcome::done(outcome->result) : Outcome::failed(outcome->reason);
}

/// The public hooks, which speak of public types, as those of the consumer.
void App::register_hooks() {
  const auto job_of = [](const worker::Job& job) {
    return Job{job.id, job.queue, job.body, job.metadata, job.attempt};
  };
  const auto outcome_of = [](const worker::Outcome& outcome) {
    return outcome.kind == worker::Outcome::Kind::ok ? Outcome::done(outcome.result) : Outcome::failed(outcome.reason);
  };
  const auto failure_of = [](const worker::Failure& failure, const Job& job) {
    return FailedAttempt{job, failure.reason, failure.crashed, failure.retries, failure.crashes, failure.max_retries};
  };
  worker::Hooks& hooks = state_->workers.hooks();
  for (auto& hook : hooks_.before_process_) {
    hooks.before_process.push_back([hook, job_of](const worker::Job& job) { hook(job_of(job)); });
  }
  for (auto& hook : hooks_.after_process_) {
    hooks.after_process.push_back([hook, job_of, outcome_of](const worker::Job& job, const worker::Outcome& outcome) {
      hook(job_of(job), outcome_of(outcome));
    });
  }
  for (auto& hook : hooks_.on_failure_) {
    hooks.on_failure.push_back([hook, job_of, failure_of](const worker::Failure& failure) {
      const Job job = job_of(failure.job);
      hook(failure_of(failure, job));
    });
  }
  for (auto& hook : hooks_.on_bury_) {
    hooks.on_bury.push_back(
        [hook, job_of](const worker::Job& job, const std::string& reason) { hook(job_of(job), reason); });
  }
  hooks.before_add = hooks_.before_add_;
  hooks.after_add = hooks_.after_add_;
  for (const auto& entry : hooks_.strategies_) {
    hooks.strategies[entry.first] = [strategy = entry.second, job_of, failure_of](const worker::Failure& failure) {
      const Job job = job_of(failure.job);
      return strategy(failure_of(failure, job));
    };
  }
}

int App::run(int argc, char** argv) {
  state_->implementations.load = app::load_channel_workers;
  if (const auto code = worker::run_worker_process(argc, argv, state_->implementations)) return *code;
  register_hooks();
  return app::run_cli(argc, argv, state_->workers, methods_);
}

}  // namespace coworker
