#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/state.h"

namespace coworker::engine {

/// For tests: what the engine promises, written as plainly as possible. It holds every job in one map and
/// looks through all of them for every question; it is right by being short.
class Model {
 public:
  struct Job {
    job::JobId id;
    std::string queue{};
    std::string origin{};  // of a dead one
    std::string group{};
    std::string unique{};
    std::int8_t priority = 0;
    job::State state = job::State::ready;
    std::int64_t due = 0;
    std::int64_t retry = 0;    // s
    std::int64_t expires = 0;  // s
    job::Token token{};
    bool queued_once = false;
    bool bury = false;
    bool dead = false;
    int attempts = 0;
    std::uint64_t owner = 0;  // of the claim that holds it
  };
  struct Limits {
    std::uint32_t queue = 0;
    std::uint32_t group = 0;
    bool paused = false;
  };

  std::map<job::Key, Job> jobs;
  std::map<std::string, Limits> limits;
  std::set<std::uint64_t> gone;  // owners
  std::int64_t now = 0;          // ms

  Job* find(const job::JobId& id) {
    const auto found = jobs.find(id.key);
    return found == jobs.end() ? nullptr : &found->second;
  }

  const Job* holder_of(const std::string& queue, const std::string& unique) const {
    for (const auto& [key, job] : jobs) {
      if (!job.dead && job.queue == queue && !unique.empty() && job.unique == unique) return &job;
    }
    return nullptr;
  }

  std::uint32_t leased(const std::string& queue, const std::string* group = nullptr) const {
    return static_cast<std::uint32_t>(std::count_if(jobs.begin(), jobs.end(), [&](const auto& each) {
      const Job& job = each.second;
      return job.state == job::State::leased && job.queue == queue && (group == nullptr || job.group == *group);
    }));
  }

  bool claimable(const Job& job) const {
    if (job.state != job::State::ready) return false;
    const auto limit = limits.find(job.queue);
    if (limit == limits.end()) return true;
    if (limit->second.paused) return false;
    if (limit->second.queue != 0 && leased(job.queue) >= limit->second.queue) return false;
    return job.group.empty() || limit->second.group == 0 || leased(job.queue, &job.group) < limit->second.group;
  }

  bool any_claimable(const std::vector<std::string>& queues) const {
    return std::any_of(jobs.begin(), jobs.end(), [&](const auto& each) {
      return std::find(queues.begin(), queues.end(), each.second.queue) != queues.end() && claimable(each.second);
    });
  }

  /// Why `job` must not be the next of its queue; empty: it may.
  std::string objection(const Job& job) const {
    if (!claimable(job)) return "it is not claimable";
    for (const auto& [key, other] : jobs) {
      if (other.queue != job.queue || !claimable(other)) continue;
      if (other.priority < job.priority) return "a job of a lower priority number waits";
      if (other.priority == job.priority && other.group == job.group && key < job.id.key) {
        return "an older job of its group waits";
      }
    }
    return {};
  }

  bool holds(const Job* job, job::Token token) const {
    return job != nullptr && (token == job::Token{} || (job->state == job::State::leased && job->token == token));
  }

  void enqueue(Job& job) {
    job.state = job::State::ready;
    job.queued_once = true;
    job.token = {};
    job.due = 0;
  }

  void bury(Job& job) {
    const bool again = job.dead && job.queue == kFailureQueue;
    if (!job.dead) job.origin = job.queue;
    job.queue = kFailureQueue;
    job.group.clear();
    job.unique.clear();
    job.dead = true;
    job.bury = false;
    job.expires = (now + job::Bury{}.ttl.count() * 1000 + 999) / 1000;
    enqueue(job);
    if (!again) return;
    job.state = job::State::scheduled;
    job.due = now + std::max<std::int64_t>(job.retry, 1) * 1000;
  }

  void move_dead(Job& job, const std::string& queue, bool revive, std::int64_t ttl) {
    job.queue = queue;
    if (revive) {
      job.dead = false;
      job.origin.clear();
      job.bury = true;
      job.attempts = 0;
    }
    if (ttl > 0) job.expires = (now + ttl * 1000 + 999) / 1000;
    enqueue(job);
  }

  std::uint64_t disown(std::uint64_t owner, const std::vector<job::JobRef>& spared) {
    std::uint64_t given_back = 0;
    gone.insert(owner);
    for (auto& [key, job] : jobs) {
      if (job.state != job::State::leased || job.owner != owner) continue;
      const auto is_this = [token = job.token](const job::JobRef& ref) { return ref.token == token; };
      job.owner = 0;
      if (std::any_of(spared.begin(), spared.end(), is_this)) continue;
      enqueue(job);
      ++given_back;
    }
    return given_back;
  }

  /// Owners live in memory only.
  void reopen() {
    gone.clear();
    for (auto& [key, job] : jobs) job.owner = 0;
  }

  void advance(std::int64_t to) {
    now = to;
    for (auto at = jobs.begin(); at != jobs.end();) {
      Job& job = at->second;
      bool ends = false;
      if (job.state == job::State::scheduled && job.due != 0 && job.due <= now) {
        enqueue(job);
      } else if (job.state == job::State::leased && job.due <= now) {
        job.state = job::State::ready;
        if (job.retry == 0)
          ends = true;
        else
          enqueue(job);
      }
      if (!ends && job.state != job::State::leased && job.expires < now / 1000) ends = true;
      if (ends && job.bury) {
        bury(job);
        ends = false;
      }
      at = ends ? jobs.erase(at) : std::next(at);
    }
  }
};

}  // namespace coworker::engine
