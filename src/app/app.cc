#include "coworker/app.h"

#include <exception>
#include <utility>

#include "app/command.h"
#include "worker/registry.h"
#include "worker/worker_process.h"

namespace coworker {

struct App::State {
  worker::Registry workers;
  worker::Implementations implementations;
};

App::App() : state_{std::make_unique<State>()} {}
App::~App() = default;
App::App(App&&) noexcept = default;
App& App::operator=(App&&) noexcept = default;

App& App::add(std::string name, WorkerFunction function) {
  state_->workers.add(
      std::move(name), [function = std::move(function)](const worker::Job& job, const worker::Contact& contact) {
        const Outcome outcome = function(Job{job.id, job.queue, job.body, job.metadata, job.attempt, contact.stop});
        return outcome.is_done() ? worker::Outcome::ok(outcome.text()) : worker::Outcome::failed(outcome.text());
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

App& App::at(Stage stage, std::function<void(const std::string& name)> hook) {
  state_->implementations.hooks[stage].push_back(std::move(hook));
  return *this;
}

int App::run(int argc, char** argv) {
  if (const auto code = worker::run_worker_process(argc, argv, state_->implementations)) return *code;
  return app::run_cli(argc, argv, state_->workers);
}

}  // namespace coworker
