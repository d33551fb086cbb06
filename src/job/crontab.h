#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "job/cron.h"

/// A crontab: a file whose rows add jobs at certain minutes.
///
///     # a comment, and empty lines
///     CRON_TZ=Europe/Paris                 the time zone of the rows below, until the next such line
///     TIMES QUEUE BODY                     times as CronTimes has them, queue without blanks
///     CRON_TZ=America/New_York TIMES QUEUE BODY        the time zone of this row
///
/// The body is the rest of the line. What is JSON is that JSON; anything else is a string, just as it is written. To
/// have a string that would be JSON, write it as a JSON string: "1". Lines end with LF, CR or CRLF; blanks in front are
/// allowed.
namespace coworker::job {

struct CronRow {
  std::size_t line = 0;  // from 1
  CronTimes times;
  std::string text;  // of the times, as written
  std::string zone;  // name of its time zone; empty: the default
  std::string queue;
  std::string body;  // JSON
  std::string key;   // names the row in a store's registers: made of all of the above but the line
};

/// A row that cannot be used, and why.
struct CronFault {
  std::size_t line = 0;
  std::string text;
};

struct Crontab {
  std::vector<CronRow> rows;
  std::vector<CronFault> faults;
};

/// Never fails: good rows are not spoiled by bad ones.
Crontab parse_crontab(std::string_view text);

}  // namespace coworker::job
