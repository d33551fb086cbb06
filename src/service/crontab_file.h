#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "job/crontab.h"

/// Crontabs and time zones as they lie on the disk.
namespace coworker::service {

/// The zone of that name under /usr/share/zoneinfo ($TZDIR, where that is set); empty: the machine's own ($TZ, else
/// /etc/localtime, else UTC). invalid_argument or not_found for a name that is none.
Result<job::TimeZone> load_zone(const std::string& name);

struct ScheduledRow {
  job::CronRow row;
  std::shared_ptr<const job::TimeZone> zone;
};

struct CrontabFile {
  std::vector<ScheduledRow> rows;
  std::vector<job::CronFault> faults;  // in the order of their lines
};

/// Reads the file; rows without a time zone of their own get `time_zone`, as load_zone takes it. An error: the file
/// cannot be read, or there is no such default time zone. What is wrong with single rows is in `faults`.
Result<CrontabFile> load_crontab(const std::string& file, const std::string& time_zone);

/// Changes with the file; empty when there is none.
std::string file_version(const std::string& file);

}  // namespace coworker::service
