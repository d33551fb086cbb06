#include "net/resp/options.h"

#include <fmt/format.h>

#include "channel/resp/number.h"

namespace coworker::net::resp {

bool Options::next() {
  if (!error_.empty() || at_ >= call_.words.size()) return false;
  ++at_;
  return true;
}

bool Options::flag(std::string_view name, bool& value) {
  if (!named(name)) return false;
  value = true;
  return true;
}

bool Options::text(std::string_view name, std::string_view& value) {
  if (!named(name)) return false;
  if (at_ == call_.words.size()) {
    unknown();
  } else {
    value = call_.words[at_++];
  }
  return true;
}

bool Options::integer(std::string_view name, std::int64_t& value, std::int64_t lowest, std::int64_t highest) {
  std::string_view word;
  if (!text(name, word)) return false;
  if (!error_.empty()) return true;
  const std::optional<std::int64_t> parsed = channel::resp::parse_integer(word);
  if (!parsed || *parsed < lowest || *parsed > highest) {
    error(fmt::format("ERR {} must be an integer from {} to {}", name, lowest, highest));
  } else {
    value = *parsed;
  }
  return true;
}

std::span<const std::string_view> Options::rest() {
  const std::span<const std::string_view> words = call_.words.subspan(at_);
  at_ = call_.words.size();
  return words;
}

void Options::error(std::string text) {
  if (error_.empty()) error_ = std::move(text);
}

bool Options::failed() {
  if (error_.empty()) return false;
  call_.error(error_);
  return true;
}

bool read_integer(Call& call, std::size_t word, std::string_view what, std::int64_t& value, std::int64_t lowest,
                  std::int64_t highest) {
  const std::optional<std::int64_t> parsed = channel::resp::parse_integer(call.words[word]);
  if (!parsed || *parsed < lowest || *parsed > highest) {
    call.error(fmt::format("ERR {} must be an integer from {} to {}", what, lowest, highest));
    return false;
  }
  value = *parsed;
  return true;
}

namespace {

/// Into anything that can be made of a JobId.
template <class Job>
bool read_jobs(Call& call, std::size_t from, std::vector<Job>& jobs) {
  jobs.reserve(call.words.size() - from);
  for (const std::string_view word : call.words.subspan(from)) {
    const std::optional<job::JobId> id = job::parse_id(word);
    if (!id) {
      call.error("BADID this is no job id");
      return false;
    }
    jobs.push_back(Job{*id});
  }
  return true;
}

}  // namespace

bool read_ids(Call& call, std::size_t from, std::vector<job::JobId>& ids) {
  return read_jobs(call, from, ids);
}

bool read_ids(Call& call, std::size_t from, std::vector<job::JobRef>& jobs) {
  return read_jobs(call, from, jobs);
}

bool read_switch(Call& call, std::string_view text, bool& value) {
  if (same_word(text, "yes") || same_word(text, "on")) {
    value = true;
  } else if (same_word(text, "no") || same_word(text, "off")) {
    value = false;
  } else {
    call.error("ERR expected yes or no");
    return false;
  }
  return true;
}

}  // namespace coworker::net::resp
