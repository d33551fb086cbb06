#include "job/envelope.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "job/json_text.h"

namespace coworker::job {
namespace {

constexpr std::string_view kCreationTime = "creation-time";
constexpr std::string_view kJobLifetime = "job-lifetime";
constexpr std::string_view kProcessTimeout = "process-timeout";
constexpr std::string_view kOriginalId = "original-id";
constexpr std::string_view kRetries = "retries";

const JsonMember* find(const std::vector<JsonMember>& members, std::string_view key) {
  // Of repeated members the last one counts, as with other decoders.
  const auto found =
      std::find_if(members.rbegin(), members.rend(), [key](const JsonMember& member) { return member.key == key; });
  return found == members.rend() ? nullptr : &*found;
}

std::optional<std::int64_t> integer(const std::vector<JsonMember>& members, std::string_view key) {
  const JsonMember* member = find(members, key);
  if (member == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const char* end = member->value.data() + member->value.size();
  const auto [stop, error] = std::from_chars(member->value.data(), end, value);
  return error == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

bool is_empty_list(std::string_view value) {
  return value.size() >= 2 && value.front() == '[' && trim_json(value.substr(1, value.size() - 2)).empty();
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  if (out.size() > 1) out += ',';
  out.append(json_string(key)).append(":").append(value);
}

}  // namespace

Result<Envelope> parse_envelope(std::string_view text) {
  if (Result<> valid = check_json(text); !valid) return tl::unexpected{std::move(valid).error()};
  const std::vector<JsonMember> members = json_members(text);
  const JsonMember* body = find(members, "body");
  const JsonMember* metadata = find(members, "metadata");
  if (members.size() == 2 && body != nullptr && metadata != nullptr) {
    if (is_empty_list(metadata->value)) return Envelope{std::string{body->value}, "{}", false};
    if (metadata->value.front() == '{') return Envelope{std::string{body->value}, std::string{metadata->value}, false};
  }
  return Envelope{std::string{trim_json(text)}, "{}", true};
}

std::string make_envelope(std::string_view body, std::string_view metadata) {
  std::string out;
  out.reserve(body.size() + metadata.size() + 22);
  out.append(R"({"body":)").append(body).append(R"(,"metadata":)").append(metadata).append("}");
  return out;
}

Stamp read_stamp(std::string_view metadata) {
  const std::vector<JsonMember> members = json_members(metadata);
  Stamp stamp;
  stamp.creation_time = integer(members, kCreationTime);
  stamp.job_lifetime = integer(members, kJobLifetime);
  stamp.process_timeout = integer(members, kProcessTimeout);
  if (const JsonMember* id = find(members, kOriginalId); id != nullptr && id->value.front() == '"') {
    // An id has nothing that would be escaped.
    stamp.original_id = std::string{id->value.substr(1, id->value.size() - 2)};
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  stamp.retries =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(integer(members, kRetries).value_or(0), 0, kMost));
  return stamp;
}

std::string write_stamp(std::string_view metadata, const Stamp& stamp) {
  struct Entry {
    std::string_view key;
    std::optional<std::string> value;
  };
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::optional{std::to_string(*value)} : std::nullopt;
  };
  const std::array entries{
      Entry{kCreationTime, number(stamp.creation_time)}, Entry{kJobLifetime, number(stamp.job_lifetime)},
      Entry{kProcessTimeout, number(stamp.process_timeout)},
      Entry{kOriginalId, stamp.original_id ? std::optional{json_string(*stamp.original_id)} : std::nullopt},
      Entry{kRetries, stamp.retries > 0 ? std::optional{std::to_string(stamp.retries)} : std::nullopt}};
  std::string out{"{"};
  for (const JsonMember& member : json_members(metadata)) {
    const auto replaced = [&](const Entry& entry) { return entry.value && entry.key == member.key; };
    if (std::none_of(entries.begin(), entries.end(), replaced)) append_member(out, member.key, member.value);
  }
  for (const Entry& entry : entries) {
    if (entry.value) append_member(out, entry.key, *entry.value);
  }
  return out += '}';
}

}  // namespace coworker::job
