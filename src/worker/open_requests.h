#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "worker/outlet.h"

namespace coworker::worker {

/// The requests of one master that wait for their answers, so that they can be cancelled by their ids.
///
/// Thread safety: that of its owner.
class OpenRequests {
 public:
  std::shared_ptr<MessageState> open(std::weak_ptr<Outlet> outlet, std::uint64_t id) {
    auto state = std::make_shared<MessageState>(std::move(outlet), id);
    if (states_.size() >= sweep_at_) {
      std::erase_if(states_, [](const auto& each) { return each.second.expired(); });
      sweep_at_ = 2 * states_.size() + kFew;
    }
    states_[id] = state;
    return state;
  }

  /// Nothing happens when there is no such request any more.
  void cancel(std::uint64_t id) {
    const auto found = states_.find(id);
    if (const auto state = found == states_.end() ? nullptr : found->second.lock()) worker::cancel(*state);
  }

 private:
  static constexpr std::size_t kFew = 64;

  std::map<std::uint64_t, std::weak_ptr<MessageState>> states_;
  std::size_t sweep_at_ = kFew;  // entries, before those of answered requests are removed
};

}  // namespace coworker::worker
