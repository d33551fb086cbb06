#include "engine/model.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/test_store.h"

namespace coworker::engine {
namespace {

using namespace std::chrono_literals;

/// Random commands against the engine and the model side by side; the engine is reopened from its facts
/// now and then. A failure names its seed.
class Duel {
 public:
  explicit Duel(std::uint64_t seed) : random_{seed} { model_.now = store_.now.ms; }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
    compare();
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
  std::string queue() { return std::string(1, static_cast<char>('a' + below(3))); }

  void step() {
    switch (below(13)) {
      case 0:
      case 1:
      case 2:
        return add();
      case 3:
      case 4:
        return claim();
      case 5:
      case 6:
        return answer();
      case 7:
        return disqueish();
      case 8:
        return settings();
      case 9:
        return advance();
      case 10:
        return compare();
      case 11:
        return many();
      default:
        if (!chance(10)) return;
        store_.reopen();
        model_.reopen();
        store_.advance(0ms);  // what was due before is found due again
    }
  }

  void add() {
    job::Add add{.queue = queue(), .body = "x"};
    add.priority = static_cast<std::int8_t>(chance(70) ? 0 : static_cast<int>(below(3)) - 1);
    if (chance(30)) add.delay = Millis{1 + below(3'000)};
    if (chance(20))
      add.retry = Seconds{0};
    else
      add.retry = Seconds{1 + below(10)};
    add.ttl = Seconds{chance(50) ? 10'000 : 4 + below(20)};
    if (chance(30)) add.group = std::string(1, static_cast<char>('x' + below(3)));
    if (chance(20)) add.unique_key = std::to_string(below(4));
    add.bury_on_expiry = chance(30);
    const auto* holder = model_.holder_of(add.queue, add.unique_key);
    const auto added = store_.ask<job::Added>(add);
    if (holder != nullptr) {
      EXPECT_EQ(added.outcome, job::Added::Outcome::duplicate);
      EXPECT_EQ(added.id, holder->id);
      return;
    }
    ASSERT_EQ(added.outcome, job::Added::Outcome::created);
    Model::Job job{.id = added.id, .queue = add.queue, .group = add.group, .unique = add.unique_key};
    job.priority = add.priority;
    job.retry = add.retry.count();
    job.expires = (model_.now + add.ttl.count() * 1000 + 999) / 1000;
    job.bury = add.bury_on_expiry;
    if (add.delay.count() > 0) {
      job.state = job::State::scheduled;
      job.due = model_.now + add.delay.count();
    } else {
      job.queued_once = true;
    }
    model_.jobs[added.id.key] = job;
  }

  void claim() {
    std::vector<std::string> queues{queue()};
    if (chance(50)) queues.push_back(queue());
    if (chance(10)) queues.emplace_back(kFailureQueue);
    const auto count = static_cast<std::uint32_t>(1 + below(4));
    const std::uint64_t owner = below(4);
    const auto jobs =
        store_
            .ask<job::Claimed>(
                job::Claim{.queues = queues, .count = count, .fair = chance(50), .ticket = ++tickets_, .owner = owner})
            .jobs;
    if (model_.gone.contains(owner)) {
      EXPECT_TRUE(jobs.empty()) << "a claim for who is no more";
      return;
    }
    for (const auto& delivery : jobs) {
      Model::Job* job = model_.find(delivery.id);
      ASSERT_NE(job, nullptr) << "claimed a job that does not exist";
      EXPECT_EQ(model_.objection(*job), "");
      EXPECT_EQ(delivery.attempts, job->attempts);
      job->state = job::State::leased;
      job->token = delivery.token;
      job->owner = owner;
      job->due = job->retry > 0 ? model_.now + job->retry * 1000 : std::max(job->expires * 1000, model_.now);
      held_.push_back({delivery.id, delivery.token});
    }
    if (jobs.size() < count) EXPECT_FALSE(model_.any_claimable(queues)) << "left a job that could be claimed";
  }

  /// With the token of some claim, perhaps an old one, or with none.
  void answer() {
    if (held_.empty()) return;
    job::JobRef ref = held_[below(held_.size())];
    if (chance(10)) ref.token = {};
    Model::Job* job = model_.find(ref.id);
    const bool holds = model_.holds(job, ref.token);
    const auto status = [&](bool done) {
      return done ? job::Status::done : job == nullptr ? job::Status::not_found : job::Status::conflict;
    };
    const auto one = [&](const job::Command& command) { return store_.ask<job::Statuses>(command).each.at(0); };
    const bool leased = holds && job->state == job::State::leased;
    switch (below(5)) {
      case 0: {
        EXPECT_EQ(one(job::Ack{{ref}}), status(holds));
        if (holds) model_.jobs.erase(ref.id.key);
        return;
      }
      case 1: {
        const bool may = leased && job->retry > 0;
        const Millis delay{chance(50) ? 0 : below(2'000)};
        EXPECT_EQ(one(job::Retry{{{.job = ref, .delay = delay}}}), status(may));
        if (!may) return;
        ++job->attempts;
        model_.enqueue(*job);
        job->queued_once = delay.count() == 0;
        if (delay.count() > 0) {
          job->state = job::State::scheduled;
          job->due = model_.now + delay.count();
        }
        return;
      }
      case 2: {
        EXPECT_EQ(one(job::Release{{ref}}), status(leased));
        if (leased) model_.enqueue(*job);
        return;
      }
      case 3: {
        EXPECT_EQ(one(job::Bury{.items = {{.job = ref, .reason = "why"}}}), status(holds));
        if (!holds) return;
        ++job->attempts;
        model_.bury(*job);
        return;
      }
      default: {
        EXPECT_EQ(one(job::Extend{{ref}}), status(leased));
        if (leased) {
          job->due = job->retry > 0 ? model_.now + job->retry * 1000 : std::max(job->expires * 1000, model_.now);
        }
        return;
      }
    }
  }

  void disqueish() {
    if (model_.jobs.empty()) return;
    auto at = model_.jobs.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(model_.jobs.size())));
    Model::Job& job = at->second;
    const auto one = [&](const job::Command& command) { return store_.ask<job::Statuses>(command).each.at(0); };
    const auto status = [](bool done) { return done ? job::Status::done : job::Status::conflict; };
    switch (below(3)) {
      case 0: {
        const bool may = job.state != job::State::ready && (job.retry > 0 || !job.queued_once);
        EXPECT_EQ(one(job::Enqueue{.jobs = {job.id}, .nack = chance(50)}), status(may));
        if (may) model_.enqueue(job);
        return;
      }
      case 1: {
        const bool may = job.state == job::State::ready;
        EXPECT_EQ(one(job::Dequeue{{job.id}}), status(may));
        if (!may) return;
        job.state = job::State::scheduled;
        job.due = job.retry > 0 ? model_.now + job.retry * 1000 : 0;
        return;
      }
      default: {
        EXPECT_EQ(one(job::Remove{{job.id}}), job::Status::done);
        model_.jobs.erase(at);
      }
    }
  }

  /// What is done to many jobs at once.
  void many() {
    if (chance(20)) {
      const std::uint64_t owner = 1 + below(3);
      std::vector<job::JobRef> spared;
      if (!held_.empty() && chance(50)) spared.push_back(held_[below(held_.size())]);
      const auto count = store_.ask<job::Count>(job::Disown{owner, spared});
      EXPECT_EQ(count.count, model_.disown(owner, spared));
    } else if (chance(20)) {
      const std::string name = chance(20) ? std::string{kFailureQueue} : queue();
      store_.ask<job::Count>(job::Purge{.queue = name});
      std::erase_if(model_.jobs, [&](const auto& each) { return each.second.queue == name; });
    } else if (!model_.jobs.empty()) {
      auto at = model_.jobs.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(below(model_.jobs.size())));
      Model::Job& job = at->second;
      const bool revive = chance(60);
      const std::string to = revive && chance(50) ? "" : chance(50) ? "elsewhere" : queue();
      const Seconds ttl{chance(50) ? 0 : 1 + below(100)};
      const bool may = job.dead && job.state != job::State::leased;
      EXPECT_EQ(store_.ask<job::Statuses>(job::MoveDead{{{job.id, ttl}}, to, revive}).each.at(0),
                may ? job::Status::done : job::Status::conflict);
      if (may) model_.move_dead(job, to.empty() ? job.origin : to, revive, ttl.count());
    }
  }

  void settings() {
    if (!chance(30)) return;
    job::SetQueue set{.queue = queue()};
    set.limit = static_cast<std::uint32_t>(below(4));
    set.group_limit = static_cast<std::uint32_t>(below(3));
    set.pause_out = chance(20);
    store_.ask<job::QueueView>(set);
    model_.limits[set.queue] = {*set.limit, *set.group_limit, *set.pause_out};
  }

  void advance() {
    const Millis by{chance(70) ? below(1'500) : below(30'000)};
    store_.advance(by);
    model_.advance(store_.now.ms);
  }

  void compare() {
    const auto views = store_.ask<job::Views>(job::ScanJobs{.count = 2'000}).jobs;
    ASSERT_EQ(views.size(), model_.jobs.size());
    std::map<std::string, std::uint64_t> ready;
    for (const job::View& view : views) {
      const Model::Job* job = model_.find(view.id);
      ASSERT_NE(job, nullptr);
      EXPECT_EQ(view.state, job->state) << job::to_string(view.id);
      EXPECT_EQ(view.queue, job->queue);
      EXPECT_EQ(view.attempts, job->attempts);
      EXPECT_EQ(view.origin, job->origin);
      EXPECT_EQ(view.due_in.has_value(), job->due != 0);
      ready[view.queue] += view.state == job::State::ready ? 1 : 0;
    }
    for (const job::QueueView& view : store_.ask<job::QueuePage>(job::ScanQueues{.count = 2'000}).queues) {
      EXPECT_EQ(view.ready, ready[view.name]) << view.name;
      EXPECT_EQ(view.leased, model_.leased(view.name)) << view.name;
    }
  }

  std::mt19937_64 random_;
  TestStore store_;
  Model model_;
  std::vector<job::JobRef> held_;
  std::uint64_t tickets_ = 0;
};

TEST(EngineAgainstModel, AgreeOnRandomHistories) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Duel{seed}.run(300);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace coworker::engine
