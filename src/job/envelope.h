#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

/// A job's body as it stands in a store, shared with Disqontrol: an object of exactly two members,
///
///     {"body": ANY VALUE, "metadata": {"creation-time": SECONDS, …}}
///
/// What is another value is a bare body without metadata; that is how other programs add jobs. So a foreign body
/// that itself has exactly these two members is taken for an envelope; ours is always wrapped, whatever it is.
/// All texts are JSON and are kept to the byte.
namespace coworker::job {

struct Envelope {
  std::string body;
  std::string metadata = "{}";  // an object
  bool bare = false;            // there was no envelope
};

/// The times and counts that travel in the metadata. Members of a wrong type count as missing.
struct Stamp {
  std::optional<std::int64_t> creation_time{};    // "creation-time": Unix seconds
  std::optional<std::int64_t> job_lifetime{};     // "job-lifetime": seconds
  std::optional<std::int64_t> process_timeout{};  // "process-timeout": seconds
  std::optional<std::string> original_id{};       // "original-id": of the first incarnation of a re-created job
  std::uint32_t retries = 0;                      // "retries" of its former incarnations
};

/// Fails on what is not JSON. Metadata that is `[]` (an empty map, as PHP writes it) becomes `{}`; metadata that is
/// neither that nor an object makes the whole a bare body.
Result<Envelope> parse_envelope(std::string_view text);

/// Requires JSON texts, the metadata an object.
std::string make_envelope(std::string_view body, std::string_view metadata = "{}");

/// Requires an object's text.
Stamp read_stamp(std::string_view metadata);

/// The metadata with what is set in `stamp` (retries: when not 0) in place of its own members of that name;
/// all others keep their text.
std::string write_stamp(std::string_view metadata, const Stamp& stamp);

}  // namespace coworker::job
