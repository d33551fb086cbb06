#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "job/id.h"

namespace coworker::engine {

/// What claims took for whom (job::Claim::owner), and who is no more. Nobody says here when a job ends: what is not
/// held any more is swept out now and then, so that the memory follows what is held.
///
/// Lives with the engine's memory only: a store that is opened again has no owners.
class Owners {
 public:
  struct Held {
    job::Key key{};
    job::Token token{};
  };

  /// `is_held` tells for a Held whether that claim still holds its job.
  template <class IsHeld>
  void took(std::uint64_t owner, Held held, const IsHeld& is_held) {
    Line& line = lines_[owner];
    line.held.push_back(held);
    if (line.held.size() >= line.sweep_at) line.sweep(is_held);
    if (lines_.size() < forget_at_) return;
    for (auto& [name, each] : lines_) each.sweep(is_held);
    std::erase_if(lines_, [](const auto& each) { return each.second.held.empty(); });
    forget_at_ = std::max(kMany, 2 * lines_.size());
  }

  std::size_t most_held(std::uint64_t owner) const {
    const auto line = lines_.find(owner);
    return line == lines_.end() ? 0 : line->second.held.size();
  }

  bool is_gone(std::uint64_t owner) const { return !gone_.empty() && gone_.contains(owner); }

  /// Forgets and returns what was taken for it, in that order; part of it may not be held any more.
  std::vector<Held> end(std::uint64_t owner) {
    if (gone_.insert(owner).second) order_.push_back(owner);
    if (order_.size() > kMany) {
      gone_.erase(order_.front());
      order_.pop_front();
    }
    const auto line = lines_.find(owner);
    if (line == lines_.end()) return {};
    std::vector<Held> held = std::move(line->second.held);
    lines_.erase(line);
    return held;
  }

 private:
  static constexpr std::size_t kMany = 1024;
  static constexpr std::size_t kFew = 64;

  struct Line {
    std::vector<Held> held;
    std::size_t sweep_at = kFew;

    template <class IsHeld>
    void sweep(const IsHeld& is_held) {
      std::erase_if(held, [&](const Held& each) { return !is_held(each); });
      sweep_at = std::max(kFew, 2 * held.size());
    }
  };

  std::unordered_map<std::uint64_t, Line> lines_;
  std::size_t forget_at_ = kMany;
  std::unordered_set<std::uint64_t> gone_;  // the latest ones
  std::deque<std::uint64_t> order_;         // of gone_
};

}  // namespace coworker::engine
