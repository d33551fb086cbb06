#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "engine/tree.h"

namespace coworker::engine {

using QueueIndex = std::uint32_t;  // 0: none
using GroupIndex = std::uint32_t;  // 0: a job without a group
using LaneIndex = std::uint32_t;   // 0: none

/// The ready jobs of one (queue, priority, group), by creation. Jobs that arrive in order stand in a
/// list; what comes back out of order (a retry keeps its place in time) in a tree beside it.
struct Lane {
  QueueIndex queue = 0;
  GroupIndex group = 0;
  std::int8_t priority = 0;
  bool in_rotation = false;
  std::uint32_t jobs = 0;  // of any state: the lane lives while there are any
  std::uint64_t ready = 0;
  Slot head = 0;
  Slot tail = 0;
  Tree<ByKey> returned;
  LaneIndex previous = 0;  // the ring of its level
  LaneIndex next = 0;

  Slot first(const Slab& slab) const {
    if (returned.empty() || head == 0) return head != 0 ? head : returned.first();
    return slab[head].key < slab[returned.first()].key ? head : returned.first();
  }
};

struct Group {
  std::string name;
  QueueIndex queue = 0;
  std::uint32_t leased = 0;
  std::vector<LaneIndex> lanes;  // one for each priority in use
};

/// The lanes of one priority that may be claimed from, in a ring: each claim takes the next lane's job.
struct Level {
  std::int8_t priority = 0;
  LaneIndex turn = 0;  // 0: none may
};

struct Queue {
  std::string name;
  bool pause_in = false;
  bool pause_out = false;
  std::uint32_t weight = 1;
  std::uint32_t limit = 0;
  std::uint32_t group_limit = 0;
  std::string failure_queue;

  std::uint64_t pending = 0;  // added, not yet committed
  std::uint64_t ready = 0;
  std::uint64_t scheduled = 0;
  std::uint64_t leased = 0;
  std::uint64_t dead = 0;
  std::uint64_t jobs_in = 0;
  std::uint64_t jobs_out = 0;
  std::uint64_t blocked = 0;
  std::uint64_t turns = 0;  // claims served, divided by weight: who is behind comes first
  Time first_used{};
  Time last_used{};

  std::vector<Level> levels;  // by priority
  std::unordered_map<std::string, GroupIndex> groups;
  std::unordered_map<std::uint64_t, LaneIndex> lanes;  // priority and group -> lane

  std::uint64_t jobs() const { return pending + ready + scheduled + leased; }
  bool has_settings() const {
    return pause_in || pause_out || weight != 1 || limit != 0 || group_limit != 0 || !failure_queue.empty();
  }
};

/// All queues with their ready jobs: queue -> priority -> group -> order of creation. A group at its
/// limit leaves the rotation, so a claim never looks at blocked jobs.
class Queues {
 public:
  explicit Queues(Slab& slab) : slab_{slab} {}

  QueueIndex find(std::string_view name) const;
  QueueIndex obtain(std::string_view name, Time now);
  Queue& operator[](QueueIndex index) { return queues_[index]; }
  const Queue& operator[](QueueIndex index) const { return queues_[index]; }
  QueueIndex end() const { return static_cast<QueueIndex>(queues_.size()); }
  bool exists(QueueIndex index) const { return index != 0 && index < queues_.size() && in_use_[index]; }
  std::uint64_t count() const { return names_.size(); }
  void set_failure_queue(QueueIndex index, std::string_view name);
  /// In bytes, of all names ever, of queues and failure queues.
  std::size_t longest_name() const { return longest_name_; }

  /// Forgets a queue that nothing refers to.
  void drop(QueueIndex index);

  /// The lane for a new job; counts the job until `leave`.
  LaneIndex join(QueueIndex queue, std::int8_t priority, std::string_view group);
  void leave(LaneIndex lane);
  const Lane& lane(LaneIndex index) const { return lanes_[index]; }
  const std::string& group_name(LaneIndex lane) const { return groups_[lanes_[lane].group].name; }

  /// The job becomes claimable, or ceases to be. Counts it in `ready`.
  void insert_ready(Slot slot);
  void erase_ready(Slot slot);

  /// The next job of the queue, or 0: paused, at its limit, or nothing there. Stays where it is.
  Slot next(QueueIndex queue) const;
  /// Hands the turn to the lane behind that of `slot`; before `slot` is erased.
  void pass_turn(Slot slot);

  void lease_begins(LaneIndex lane);
  void lease_ends(LaneIndex lane);
  /// After a change of the group limit.
  void review_groups(QueueIndex queue);

  /// Ready jobs, oldest first (newest first when `backwards`), at most `count`.
  std::vector<Slot> peek(QueueIndex queue, std::uint64_t count, bool backwards) const;

  /// The oldest ready job of all lanes, or 0. Costs a look at each lane.
  Slot oldest(QueueIndex queue) const;

  std::uint64_t bytes() const;

 private:
  Level& level(Queue& queue, std::int8_t priority);
  void enter_rotation(LaneIndex index);
  void leave_rotation(LaneIndex index);
  bool may_run(const Lane& lane) const;
  void review(LaneIndex index);

  Slab& slab_;
  std::deque<Queue> queues_{1};
  std::vector<bool> in_use_{false};
  std::vector<QueueIndex> free_queues_;
  std::unordered_map<std::string, QueueIndex> names_;
  std::size_t longest_name_ = 0;
  std::deque<Lane> lanes_{1};
  std::vector<LaneIndex> free_lanes_;
  std::deque<Group> groups_{1};
  std::vector<GroupIndex> free_groups_;
};

}  // namespace coworker::engine
