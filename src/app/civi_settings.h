#pragma once

#include <memory>
#include <string>

#include "app/command.h"
#include "app/configuration.h"
#include "service/civi_tasks.h"

namespace coworker::app {

/// --pipe, --web, --channel, --cwd, --define and --log.
std::vector<Flag> civi_flags();

/// Goes to the folder of --cwd.
Result<> enter_folder(const Arguments& arguments);

/// Takes the flags and the variables of section civi into the settings. `debug`: a fresh process for each task, one at
/// a time, and all is logged. Afterwards something stands at {"civi"} if a site is to be served: true; or false: only
/// where there is nothing else to do, since no configuration was found at all.
Result<> take_civi(const Arguments& arguments, bool debug, Configuration& configuration);

/// How the site is served; what is wrong with it is said by its key or flag. Looks for the site in the working
/// directory where nobody says how it is reached.
Result<service::CiviConfig> civi_config(const Settings& settings);

/// The connection over HTTP.
Result<service::CiviConfig::Connect> connect_by_web(const Settings& settings);

}  // namespace coworker::app
