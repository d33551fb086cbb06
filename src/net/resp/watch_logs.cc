#include "net/resp/watch_logs.h"

#include <fmt/format.h>

#include <algorithm>

namespace coworker::net::resp {
namespace {

constexpr std::size_t kWords = 32;
constexpr std::size_t kWordBytes = 128;
constexpr std::size_t kSpikes = 160;

}  // namespace

void SlowLog::note(std::int64_t at, std::int64_t micros, std::span<const std::string_view> words, std::size_t keep) {
  if (keep == 0) return;
  Entry entry{next_id_++, at, micros, {}};
  const std::size_t shown = words.size() > kWords ? kWords - 1 : words.size();
  for (const std::string_view word : words.first(shown)) {
    if (word.size() <= kWordBytes) {
      entry.words.emplace_back(word);
    } else {
      entry.words.push_back(fmt::format("{}... ({} more bytes)", word.substr(0, kWordBytes), word.size() - kWordBytes));
    }
  }
  if (shown < words.size()) entry.words.push_back(fmt::format("... ({} more arguments)", words.size() - shown));
  entries_.push_front(std::move(entry));
  while (entries_.size() > keep) entries_.pop_back();
}

void LatencyLog::note(const std::string& event, std::int64_t at, std::int64_t millis) {
  Event& known = events_[event];
  known.highest = std::max(known.highest, millis);
  if (!known.spikes.empty() && known.spikes.back().at == at) {
    known.spikes.back().millis = std::max(known.spikes.back().millis, millis);
    return;
  }
  known.spikes.push_back({at, millis});
  if (known.spikes.size() > kSpikes) known.spikes.pop_front();
}

bool LatencyLog::reset(std::string_view event) {
  const auto found = events_.find(event);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

std::size_t LatencyLog::reset_all() {
  const std::size_t count = events_.size();
  events_.clear();
  return count;
}

}  // namespace coworker::net::resp
