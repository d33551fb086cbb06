#include "engine/queues.h"

#include <algorithm>

namespace coworker::engine {
namespace {

std::uint64_t lane_key(std::int8_t priority, GroupIndex group) {
  return static_cast<std::uint64_t>(static_cast<std::uint8_t>(priority)) << 32 | group;
}

/// A free place of `items`, made if there is none.
template <class Item>
std::uint32_t take(std::deque<Item>& items, std::vector<std::uint32_t>& free) {
  if (free.empty()) {
    items.emplace_back();
    return static_cast<std::uint32_t>(items.size() - 1);
  }
  const std::uint32_t index = free.back();
  free.pop_back();
  items[index] = Item{};
  return index;
}

}  // namespace

QueueIndex Queues::find(std::string_view name) const {
  const auto found = names_.find(std::string{name});
  return found == names_.end() ? 0 : found->second;
}

QueueIndex Queues::obtain(std::string_view name, Time now) {
  const auto [found, is_new] = names_.try_emplace(std::string{name}, 0);
  if (!is_new) return found->second;
  longest_name_ = std::max(longest_name_, name.size());
  const QueueIndex index = take(queues_, free_queues_);
  in_use_.resize(queues_.size(), false);
  in_use_[index] = true;
  queues_[index].name = name;
  queues_[index].first_used = queues_[index].last_used = now;
  found->second = index;
  return index;
}

void Queues::set_failure_queue(QueueIndex index, std::string_view name) {
  longest_name_ = std::max(longest_name_, name.size());
  queues_[index].failure_queue = name;
}

void Queues::drop(QueueIndex index) {
  names_.erase(queues_[index].name);
  queues_[index] = Queue{};
  in_use_[index] = false;
  free_queues_.push_back(index);
}

LaneIndex Queues::join(QueueIndex queue_index, std::int8_t priority, std::string_view group_name) {
  Queue& queue = queues_[queue_index];
  GroupIndex group = 0;
  if (!group_name.empty()) {
    const auto [found, is_new] = queue.groups.try_emplace(std::string{group_name}, 0);
    if (is_new) {
      found->second = take(groups_, free_groups_);
      groups_[found->second].name = group_name;
      groups_[found->second].queue = queue_index;
    }
    group = found->second;
  }
  const auto [found, is_new] = queue.lanes.try_emplace(lane_key(priority, group), 0);
  if (is_new) {
    found->second = take(lanes_, free_lanes_);
    Lane& lane = lanes_[found->second];
    lane.queue = queue_index;
    lane.group = group;
    lane.priority = priority;
    if (group != 0) groups_[group].lanes.push_back(found->second);
  }
  ++lanes_[found->second].jobs;
  return found->second;
}

void Queues::leave(LaneIndex index) {
  Lane& lane = lanes_[index];
  if (--lane.jobs != 0) return;
  Queue& queue = queues_[lane.queue];
  queue.lanes.erase(lane_key(lane.priority, lane.group));
  if (lane.group != 0) {
    Group& group = groups_[lane.group];
    std::erase(group.lanes, index);
    if (group.lanes.empty()) {
      queue.groups.erase(group.name);
      group = Group{};
      free_groups_.push_back(lane.group);
    }
  }
  lane = Lane{};
  free_lanes_.push_back(index);
}

void Queues::insert_ready(Slot slot) {
  Entry& entry = slab_[slot];
  Lane& lane = lanes_[entry.lane];
  entry.left = entry.right = entry.up = 0;
  if (lane.head == 0) {
    lane.head = lane.tail = slot;
    entry.place = Entry::Place::list;
  } else if (slab_[lane.tail].key < entry.key) {
    slab_[lane.tail].right = slot;
    entry.left = lane.tail;
    lane.tail = slot;
    entry.place = Entry::Place::list;
  } else if (entry.key < slab_[lane.head].key) {
    slab_[lane.head].left = slot;
    entry.right = lane.head;
    lane.head = slot;
    entry.place = Entry::Place::list;
  } else {
    lane.returned.insert(slab_, slot);
    entry.place = Entry::Place::tree;
  }
  ++lane.ready;
  ++queues_[lane.queue].ready;
  if (entry.dead) ++queues_[lane.queue].dead;
  review(entry.lane);
}

void Queues::erase_ready(Slot slot) {
  Entry& entry = slab_[slot];
  Lane& lane = lanes_[entry.lane];
  if (entry.place == Entry::Place::tree) {
    lane.returned.erase(slab_, slot);
  } else {
    (entry.left != 0 ? slab_[entry.left].right : lane.head) = entry.right;
    (entry.right != 0 ? slab_[entry.right].left : lane.tail) = entry.left;
  }
  entry.left = entry.right = entry.up = 0;
  entry.place = Entry::Place::nowhere;
  --lane.ready;
  --queues_[lane.queue].ready;
  if (entry.dead) --queues_[lane.queue].dead;
  review(entry.lane);
}

Slot Queues::next(QueueIndex index) const {
  const Queue& queue = queues_[index];
  if (queue.pause_out || queue.ready == 0) return 0;
  if (queue.limit != 0 && queue.leased >= queue.limit) return 0;
  for (const Level& level : queue.levels) {
    if (level.turn != 0) return lanes_[level.turn].first(slab_);
  }
  return 0;
}

void Queues::pass_turn(Slot slot) {
  const Lane& lane = lanes_[slab_[slot].lane];
  level(queues_[lane.queue], lane.priority).turn = lane.next;
}

void Queues::lease_begins(LaneIndex index) {
  const Lane& lane = lanes_[index];
  ++queues_[lane.queue].leased;
  if (lane.group == 0) return;
  ++groups_[lane.group].leased;
  for (const LaneIndex each : groups_[lane.group].lanes) review(each);
}

void Queues::lease_ends(LaneIndex index) {
  const Lane& lane = lanes_[index];
  --queues_[lane.queue].leased;
  if (lane.group == 0) return;
  --groups_[lane.group].leased;
  for (const LaneIndex each : groups_[lane.group].lanes) review(each);
}

void Queues::review_groups(QueueIndex queue) {
  for (const auto& [name, group] : queues_[queue].groups) {
    for (const LaneIndex lane : groups_[group].lanes) review(lane);
  }
}

bool Queues::may_run(const Lane& lane) const {
  if (lane.ready == 0) return false;
  const std::uint32_t limit = queues_[lane.queue].group_limit;
  return lane.group == 0 || limit == 0 || groups_[lane.group].leased < limit;
}

void Queues::review(LaneIndex index) {
  const bool may = may_run(lanes_[index]);
  if (may == lanes_[index].in_rotation) return;
  may ? enter_rotation(index) : leave_rotation(index);
}

Level& Queues::level(Queue& queue, std::int8_t priority) {
  const auto at = std::lower_bound(queue.levels.begin(), queue.levels.end(), priority,
                                   [](const Level& level, std::int8_t wanted) { return level.priority < wanted; });
  if (at != queue.levels.end() && at->priority == priority) return *at;
  return *queue.levels.insert(at, Level{.priority = priority});
}

void Queues::enter_rotation(LaneIndex index) {
  Lane& lane = lanes_[index];
  Level& level = this->level(queues_[lane.queue], lane.priority);
  lane.in_rotation = true;
  if (level.turn == 0) {
    level.turn = lane.previous = lane.next = index;
    return;
  }
  // Behind all others: just before the lane whose turn it is.
  lane.next = level.turn;
  lane.previous = lanes_[level.turn].previous;
  lanes_[lane.previous].next = index;
  lanes_[lane.next].previous = index;
}

void Queues::leave_rotation(LaneIndex index) {
  Lane& lane = lanes_[index];
  Queue& queue = queues_[lane.queue];
  Level& level = this->level(queue, lane.priority);
  lane.in_rotation = false;
  if (lane.next == index) {
    std::erase_if(queue.levels, [&](const Level& each) { return each.priority == lane.priority; });
  } else {
    if (level.turn == index) level.turn = lane.next;
    lanes_[lane.previous].next = lane.next;
    lanes_[lane.next].previous = lane.previous;
  }
  lane.previous = lane.next = 0;
}

std::vector<Slot> Queues::peek(QueueIndex index, std::uint64_t count, bool backwards) const {
  // Merges the lanes' orders; a lane gives at most `count`, so only that many of each are looked at.
  std::vector<Slot> all;
  for (const auto& [key, lane_index] : queues_[index].lanes) {
    const Lane& lane = lanes_[lane_index];
    std::uint64_t left = count;
    for (Slot at = backwards ? lane.tail : lane.head; at != 0 && left-- > 0;
         at = backwards ? slab_[at].left : slab_[at].right) {
      all.push_back(at);
    }
    left = count;
    for (Slot at = backwards ? lane.returned.last() : lane.returned.first(); at != 0 && left-- > 0;
         at = backwards ? lane.returned.previous(slab_, at) : lane.returned.next(slab_, at)) {
      all.push_back(at);
    }
  }
  const auto before = [&](Slot a, Slot b) { return (slab_[a].key < slab_[b].key) != backwards && a != b; };
  const auto keep = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(count, all.size()));
  std::partial_sort(all.begin(), all.begin() + keep, all.end(), before);
  all.resize(static_cast<std::size_t>(keep));
  return all;
}

Slot Queues::oldest(QueueIndex index) const {
  Slot oldest = 0;
  for (const auto& [key, lane] : queues_[index].lanes) {
    const Slot first = lanes_[lane].first(slab_);
    if (first != 0 && (oldest == 0 || slab_[first].key < slab_[oldest].key)) oldest = first;
  }
  return oldest;
}

std::uint64_t Queues::bytes() const {
  return queues_.size() * sizeof(Queue) + lanes_.size() * sizeof(Lane) + groups_.size() * sizeof(Group);
}

}  // namespace coworker::engine
