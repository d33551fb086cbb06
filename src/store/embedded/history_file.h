#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "journal/disk.h"

/// The files of a store's history, beside its journal.
///
///     history-NNNNNNNN.log   16 bytes: "CWHIST01", number (8); then events:
///                            size of the text (4), checksum (8), job (8), time (8), text
///     history-NNNNNNNN.idx   32 bytes: "CWHIDX01", count (8), time of the last event (8), checksum (8); then marks,
///                            sorted: upper half of the job (4), offset of the event (4)
///
/// Integers are little-endian, times milliseconds since the Unix epoch. `job` is XXH3-64 of the id's 40 characters.
/// Checksums are XXH3-64; an event's covers job, time and text, seeded with number << 32 | offset. An index is
/// written when its log is full; one that is missing or damaged is made again from the log.
namespace coworker::store::history {

inline constexpr std::uint64_t kLogHeader = 16;
inline constexpr std::uint64_t kEventHeader = 28;

/// Where an event of a job stands in a log. Ordered as in the index.
struct Mark {
  std::uint32_t job = 0;  // upper half
  std::uint32_t offset = 0;

  friend auto operator<=>(const Mark&, const Mark&) = default;
};

struct Event {
  std::uint64_t job = 0;
  std::int64_t time = 0;
  std::string text;
};

struct Index {
  std::int64_t last_time = 0;
  std::vector<Mark> marks;
};

std::uint64_t job_hash(std::string_view id);

std::string log_name(std::uint32_t number);
std::string index_name(std::uint32_t number);
/// The number of a log's or an index's name; nullopt for other files.
std::optional<std::uint32_t> number_of(std::string_view name);

std::string encode_log_header(std::uint32_t number);
/// The event at `offset` of log `number`.
std::string encode_event(std::uint32_t number, std::uint64_t offset, const Event& event);

/// nullopt: there is no whole event.
Result<std::optional<Event>> read_event(journal::File& log, std::uint32_t number, std::uint64_t offset);

/// What the log holds up to its end or its first damage.
Result<Index> scan_log(journal::File& log, std::uint32_t number);

Result<> write_index(journal::Disk& disk, std::uint32_t number, Index index);
/// `not_found`, or `corrupt`.
Result<std::int64_t> read_last_time(journal::Disk& disk, std::uint32_t number);
/// The offsets of a job's events after `after`, ascending.
Result<std::vector<std::uint32_t>> look_up(journal::Disk& disk, std::uint32_t number, std::uint64_t job,
                                           std::uint32_t after);

}  // namespace coworker::store::history
