#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "job/command.h"
#include "proc/certificate.h"

/// What happened to a job in a consumer: one record that feeds the log, the store's history and the event file.
namespace coworker::service {

enum class EventKind : std::uint8_t {
  started,
  done,
  failed,     // the worker said so, took too long, or could not be started
  crashed,    // the worker died
  released,   // ended by us for a reason of our own, and given back uncounted
  cancelled,  // the job was removed while it ran
  lost,       // somebody else may hold the job: what ran here was ended
  buried,     // it goes to the failure queue
  progress,   // the worker said how far it is, or a line for the job's log
};

struct Event {
  EventKind kind = EventKind::done;
  std::int64_t time = 0;  // Unix milliseconds
  job::JobId job{};
  std::string original;  // the id of the job's first incarnation; empty: it is the job's own
  std::string queue;
  std::uint32_t attempt = 0;         // 1 for the first
  std::string_view worker{};         // its kind, as the configuration names it
  pid_t pid = 0;                     // of its process group; 0: it has none
  std::string reason;                // of an end that was not good; of a burial
  std::optional<Millis> retry_in{};  // failed and crashed: it runs again after this
  std::optional<proc::Certificate> certificate{};
  std::optional<double> progress{};   // 0 … 1
  std::string text;                   // what the worker said; its result
  std::string body;                   // JSON; only for who asked for it
  std::string task;                   // its number in another system that claims and keeps it; then `job` is made of it
  std::string outcome;                // as that system says it
  std::optional<log::Level> level{};  // in the log; none: the kind's
};

std::string_view to_string(EventKind kind) noexcept;

/// One line of JSON without its end. What is empty is left out; `body` is written as it is.
///
///     {"event":"failed","time":1700000000123,"job":"D-…","queue":"mail","attempt":1,"worker":"command","pid":77,
///      "reason":"exit code 3 after 12 ms; …","retry_in_ms":4000,
///      "certificate":{"exit":3,"wall_ms":12,"cpu_ms":8,"peak_memory":9437184,"stderr":"…"}}
std::string to_json(const Event& event);

/// Its member `certificate`.
std::string to_json(const proc::Certificate& certificate);

}  // namespace coworker::service
