#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/entry.h"

namespace coworker::engine {

/// The first job added under an idempotency key, kept for the key's window whatever becomes of the job.
struct Once {
  job::Key job{};
  std::uint16_t ttl_digits = 0;
  std::uint32_t expires = 0;  // seconds since the Unix epoch
  Position position = 0;
};

/// Idempotency keys by (queue name, key). Pointers into it stay good until the key is dropped.
class OnceKeys {
 public:
  Once* find(std::string_view queue, std::string_view key) {
    const auto found = keys_.find(name(queue, key));
    return found == keys_.end() ? nullptr : &found->second;
  }
  const Once* find(std::string_view queue, std::string_view key) const {
    const auto found = keys_.find(name(queue, key));
    return found == keys_.end() ? nullptr : &found->second;
  }

  Once& set(std::string_view queue, std::string_view key, Once once) {
    const auto [place, is_new] = keys_.try_emplace(name(queue, key), once);
    if (is_new || place->second.expires != once.expires) by_expiry_.emplace(once.expires, &place->first);
    place->second = once;
    return place->second;
  }

  /// Drops one key whose window has passed and returns where its record stands (0: it was set anew since);
  /// nullopt when there is none.
  std::optional<Position> drop_one(std::uint32_t now_seconds) {
    if (by_expiry_.empty() || by_expiry_.begin()->first > now_seconds) return std::nullopt;
    const auto first = by_expiry_.begin();
    const auto found = keys_.find(*first->second);
    // A key that was set again after its window stands in by_expiry_ a second time, under the later second.
    const bool current = found->second.expires == first->first;
    const Position position = current ? found->second.position : 0;
    by_expiry_.erase(first);
    if (current) keys_.erase(found);
    return position;
  }

  std::uint32_t next_expiry() const { return by_expiry_.empty() ? 0 : by_expiry_.begin()->first; }

 private:
  static std::string name(std::string_view queue, std::string_view key) {
    const auto size = static_cast<std::uint32_t>(queue.size());
    std::string name(reinterpret_cast<const char*>(&size), sizeof size);
    name.append(queue).append(key);
    return name;
  }

  std::unordered_map<std::string, Once> keys_;
  std::multimap<std::uint32_t, const std::string*> by_expiry_;
};

}  // namespace coworker::engine
