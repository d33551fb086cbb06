#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coworker::net::resp {

/// The requests that took longest of late: SLOWLOG.
class SlowLog {
 public:
  struct Entry {
    std::uint64_t id;
    std::int64_t at;  // Unix seconds
    std::int64_t micros;
    std::vector<std::string> words;  // at most 32, of at most 128 bytes each, with a note on what is missing
  };

  void note(std::int64_t at, std::int64_t micros, std::span<const std::string_view> words, std::size_t keep);
  const std::deque<Entry>& entries() const noexcept { return entries_; }  // newest first
  void reset() { entries_.clear(); }

 private:
  std::deque<Entry> entries_;
  std::uint64_t next_id_ = 0;
};

/// Moments at which an event took longer than the threshold: LATENCY.
class LatencyLog {
 public:
  struct Spike {
    std::int64_t at;  // Unix seconds
    std::int64_t millis;
  };
  struct Event {
    std::deque<Spike> spikes;  // oldest first, at most 160, one a second
    std::int64_t highest = 0;
  };

  void note(const std::string& event, std::int64_t at, std::int64_t millis);
  const std::map<std::string, Event, std::less<>>& events() const noexcept { return events_; }
  bool reset(std::string_view event);
  std::size_t reset_all();

 private:
  std::map<std::string, Event, std::less<>> events_;
};

}  // namespace coworker::net::resp
