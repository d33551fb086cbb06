#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coworker::job {

/// A job's place in its store's sequence: the store's epoch (grows at each open) in the upper 24 bits,
/// a counter in the lower 40. Keys only ever grow, so their order is the order of creation.
enum class Key : std::uint64_t {};

/// The right to answer for one claim of a job; built like Key (epoch, counter). 0 is never handed out.
enum class Token : std::uint64_t {};

/// A job's public name, 40 ASCII characters, shaped as Disque's (reference: Disque 1.0 "Job IDs"):
///
///     D-NNNNNNNN-KKKKKKKKKKKKKKKKKKKKKKKK-TTTT
///
///   N  8 hex digits: the first 8 of the creating node's id
///   K  24 characters of base64 (A-Z a-z 0-9 + /): 18 bytes, the key (8, big-endian) and a salt (10)
///   T  4 hex digits: the ttl in minutes, rounded down, at most 65535; odd when the job is retried
///      (at least once), even when it is not (at most once)
struct JobId {
  std::uint32_t node = 0;
  std::uint16_t ttl = 0;
  Key key{};
  std::array<std::uint8_t, 10> salt{};

  friend bool operator==(const JobId&, const JobId&) = default;

  bool at_most_once() const noexcept { return (ttl & 1) == 0; }
};

/// The last four digits for a job with this ttl; see JobId.
std::uint16_t id_ttl(std::int64_t ttl_seconds, bool retried);

std::string to_string(const JobId& id);

/// Writes exactly 40 characters to `out`.
void write_id(const JobId& id, char* out);

/// nullopt unless `text` has the shape every Disque command checks: 40 characters, `D`, and `-` at
/// offsets 1, 10 and 35. An id of that shape that this store cannot have made (digits that are no hex,
/// a foreign base64) is parsed as far as it goes and then names no job.
std::optional<JobId> parse_id(std::string_view text);

}  // namespace coworker::job
