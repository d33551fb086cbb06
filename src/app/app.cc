#include "coworker/app.h"

#include <exception>
#include <utility>

#include "app/command.h"
#include "worker/registry.h"

namespace coworker {

struct App::State {
  worker::Registry workers;
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

int App::run(int argc, char** argv) {
  return app::run_cli(argc, argv, state_->workers);
}

}  // namespace coworker
