#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "coworker/status.h"

namespace coworker::worker {

/// The status as EXSyst Worker writes it: {"textStatus":…,"counters":[{"name":…,"value":…,"unit":…,"min":…,"max":…}]},
/// with null for what is not there. Numbers that JSON does not know are null, too.
std::string to_json(const Status& status);

/// The other way. Members of other names are passed over; a missing one is null.
Result<Status> parse_status(std::string_view json);

}  // namespace coworker::worker
