#include <fmt/format.h>

#include "app/command_list.h"
#include "app/config_docs.h"
#include "app/loop_settings.h"
#include "app/output.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "app/worker_settings.h"
#include "service/crontab_file.h"
#include "store/url.h"

namespace coworker::app {
namespace {

/// False: its mistakes were printed.
bool check_crontab(const service::ScheduleConfig& schedule) {
  const Result<service::CrontabFile> file = service::load_crontab(schedule.crontab, schedule.time_zone);
  if (!file) return complain(file.error()) == kDone;
  for (const job::CronFault& fault : file->faults) {
    complain(Error{Errc::invalid_argument, fmt::format("{}:{}: {}", schedule.crontab, fault.line, fault.text)});
  }
  return file->faults.empty();
}

}  // namespace

int run_config_check(const Arguments& arguments, const Context& context) {
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  const Settings& settings = configuration->settings;
  const Result<service::Config> service = service_config(settings);
  if (!service) return complain(service.error());
  const Result<store::StoreUrl> url = store::parse_url(settings.text({"store"}));
  if (!url) {
    return complain(Error{url.error().code(),
                          fmt::format("{}: store: {}", settings.effective({"store"}).origin, url.error().message())});
  }
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, settings);
  if (!registry) return complain(registry.error());
  if (Result<> checked = check_workers(*service, settings, *registry); !checked) return complain(checked.error());
  const Result<std::vector<service::LoopConfig>> loops = loop_configs(settings, *registry);
  if (!loops) return complain(loops.error());
  if (service->schedule && !check_crontab(*service->schedule)) return kFailed;
  print_line(fmt::format("{}: {} queues, {} groups of consumers, {} loop workers",
                         fmt::join(configuration->files, ", "), service->queues.size(), service->consumers.size(),
                         loops->size()));
  return kDone;
}

int run_config_show(const Arguments& arguments, const Context& context) {
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  print(show_settings(configuration->settings, context.json));
  return kDone;
}

int run_config_docs(const Arguments&, const Context&) {
  print(config_docs());
  return kDone;
}

}  // namespace coworker::app
