#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "app/command_list.h"
#include "app/output.h"
#include "app/process_here.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "base/log.h"
#include "job/json_text.h"

namespace coworker::app {

int run_process(const Arguments& arguments, const Context& context) {
  if (arguments.has("delay")) {
    return complain_usage(
        "process runs the job now and waits for it, so it takes no --delay; coworker add --delay runs it later");
  }
  worker::Job job;
  job.queue = *arguments.text("QUEUE");
  job.body = *arguments.text("JSON");
  job.metadata = arguments.text("metadata").value_or("{}");
  if (Result<> json = job::check_json(job.body); !json)
    return complain(std::move(json.error()).wrap("the body is no JSON"));
  if (!job::check_json(job.metadata) || !job::trim_json(job.metadata).starts_with('{'))
    return complain_usage("--metadata: it is no JSON object");
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  if (Result<> logged = log::configure(log_options(configuration->settings)); !logged) return complain(logged.error());
  const Result<service::Config> config = service_config(configuration->settings);
  if (!config) return complain(config.error());
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, configuration->settings);
  if (!registry) return complain(registry.error());
  const Result<worker::Outcome> outcome = process_here(*config, *registry, std::move(job));
  if (!outcome) return complain(outcome.error());
  const bool is_ok = outcome->kind == worker::Outcome::Kind::ok;
  if (context.json) {
    print_json(boost::json::object{
        {"done", is_ok}, {"result", json_text(outcome->result)}, {"reason", json_text(outcome->reason)}});
  } else if (is_ok && !outcome->result.empty()) {
    print(outcome->result.back() == '\n' ? outcome->result : outcome->result + "\n");
  }
  return is_ok ? kDone : kFailed;
}

}  // namespace coworker::app
