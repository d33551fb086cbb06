#pragma once

#include <string>
#include <vector>

#include "app/settings.h"
#include "base/error.h"
#include "base/log.h"
#include "service/config.h"

namespace coworker::app {

/// What a program start found: the settings in effect and the files they were read from, to be passed on to children.
struct Configuration {
  Settings settings;
  std::vector<std::string> files;
};

/// Values given by flags; they win over everything.
struct Override {
  std::string pattern;  // "broker.listen"
  std::vector<std::string> texts;
  std::string flag;  // "--listen", for messages
};

/// Reads `files`, or if there are none the file of COWORKER_CONFIG, ./coworker.yml or ./disqontrol.yml, whichever is
/// there first (none is fine); then the environment; then the overrides.
Result<Configuration> load_configuration(const std::vector<std::string>& files, const std::vector<Override>& overrides);

/// invalid_argument, with the flag, for a value that is not allowed.
Result<> apply_overrides(const std::vector<Override>& overrides, Settings& settings);

/// What the supervisor runs. An error names the file and line of the queue or group that cannot be run.
Result<service::Config> service_config(const Settings& settings);

/// A job of that queue as the configuration wants it, still without body.
job::NewJob new_job(const Settings& settings, const std::string& queue);

/// The scheduler's part, also where no crontab is configured.
service::ScheduleConfig schedule_config(const Settings& settings);

log::Options log_options(const Settings& settings);

/// The password for the store, by the usual precedence: the flags, COWORKER_PASSWORD, the files; else empty.
Result<std::string> store_password(const Settings& settings);

/// What the section tls says.
store::TlsSettings tls_settings(const Settings& settings);

/// As JSON.
std::string write_value(const Value& value);

/// All values in effect, one a line: "broker.durability: commit  (default)". Secrets are not shown.
std::string show_settings(const Settings& settings, bool json);

}  // namespace coworker::app
