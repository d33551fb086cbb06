#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/state.h"

namespace coworker::engine {

/// For tests: the engine over a journal that is a vector in memory.
class TestStore {
 public:
  TestStore() { reopen(); }

  std::unique_ptr<State> state;
  bool auto_commit = true;
  Effects::Wait wait = Effects::Wait::nothing;  // of the last command
  Time now{1'700'000'000'000};

  /// Replays everything into a new engine.
  void reopen() {
    state = std::make_unique<State>(IdMint{.node = 0x12345678, .secret = 42});
    for (std::size_t i = 0; i < log_.size(); ++i) {
      EXPECT_TRUE(state->replay(i + 1, log_[i].first, static_cast<std::uint32_t>(log_[i].second.size())));
    }
    state->start(++epoch_, now, Time{});
  }

  Result<> try_send(const job::Command& command) {
    effects_.clear();
    auto result = state->apply(command, now, effects_);
    if (!result) return result;
    wait = effects_.wait;
    journal();
    if (auto_commit) commit();
    return {};
  }

  /// False: the command is a claim that waits.
  bool send(const job::Command& command) {
    EXPECT_TRUE(try_send(command));
    return answered_;
  }

  template <class Answer>
  Answer ask(const job::Command& command) {
    EXPECT_TRUE(send(command));
    return std::get<Answer>(answer_);
  }

  job::JobId add(const job::Add& add) {
    const auto added = ask<job::Added>(add);
    EXPECT_EQ(added.outcome, job::Added::Outcome::created);
    return added.id;
  }

  std::vector<job::Delivery> claim(std::vector<std::string> queues, std::uint32_t count = 1) {
    return ask<job::Claimed>(job::Claim{.queues = std::move(queues), .count = count, .ticket = 1'000'000 + ++tickets_})
        .jobs;
  }

  void commit() {
    effects_.clear();
    state->commit(state->last_key(), now, effects_);
    note_served();
    journal_facts();
  }

  void advance(Millis by) {
    now = now + by;
    do {
      effects_.clear();
      state->tick(now, 100, effects_);
      note_served();
      journal_facts();
    } while (effects_.more);
  }

  bool was_served(std::uint64_t ticket) const { return served_.contains(ticket); }
  std::vector<job::Delivery> served(std::uint64_t ticket) const { return served_.at(ticket).jobs; }
  bool known(const job::JobId& id) { return send(job::Show{id}) && std::holds_alternative<job::View>(answer_); }
  bool has_queue(const std::string& name) {
    return send(job::QueueStat{name}) && std::holds_alternative<job::QueueView>(answer_);
  }

  /// Everything that can be seen of all jobs and queues, as text.
  std::string snapshot() {
    std::map<std::string, std::string> lines;
    for (const job::View& view : ask<job::Views>(job::ScanJobs{.count = 2'000}).jobs) {
      lines[job::to_string(view.id)] = view.queue + " " + std::string{job::to_string(view.state)} + " " +
                                       std::to_string(view.attempts) + " " + std::to_string(view.crashes) + " " +
                                       std::to_string(view.due_in.value_or(Millis{-1}).count()) + " " + view.group +
                                       " " + view.unique_key + " " + view.origin + " " + view.reason + " " +
                                       std::to_string(view.ttl_left.count());
    }
    for (const job::QueueView& view : ask<job::QueuePage>(job::ScanQueues{.count = 2'000}).queues) {
      lines["queue " + view.name] = std::to_string(view.ready) + " " + std::to_string(view.scheduled) + " " +
                                    std::to_string(view.leased) + " " + std::to_string(view.dead) + " " +
                                    std::to_string(view.jobs_in) + " " + std::to_string(view.jobs_out) + " " +
                                    std::to_string(view.weight) + " " + std::to_string(view.group_limit);
    }
    std::string text;
    for (const auto& [key, line] : lines) text += key + ": " + line + "\n";
    return text;
  }

 private:
  void journal() {
    answered_ = effects_.answered;
    answer_ = effects_.answer;
    journal_facts();
    note_bodies();
    note_served();
  }

  void journal_facts() {
    std::string_view facts = effects_.facts;
    for (const Effects::Item& item : effects_.items) {
      log_.emplace_back(facts.substr(0, item.size), item.body);
      facts.remove_prefix(item.size);
      state->placed(item, log_.size());
    }
    effects_.items.clear();
    effects_.facts.clear();
  }

  void note_bodies() {
    for (std::size_t i = 0; i < effects_.records.size(); ++i) {
      const std::string& body = log_[effects_.records[i] - 1].second;
      if (auto* claimed = std::get_if<job::Claimed>(&answer_)) claimed->jobs[i].body = body;
      if (auto* views = std::get_if<job::Views>(&answer_)) views->jobs[i].body = body;
    }
  }

  void note_served() {
    for (Effects::Served& served : effects_.served) {
      for (std::size_t i = 0; i < served.records.size(); ++i) {
        served.claimed.jobs[i].body = log_[served.records[i] - 1].second;
      }
      served_[served.ticket] = served.claimed;
    }
    effects_.served.clear();
  }

  std::vector<std::pair<std::string, std::string>> log_;
  Effects effects_;
  bool answered_ = true;
  job::Answer answer_;
  std::map<std::uint64_t, job::Claimed> served_;
  std::uint32_t epoch_ = 0;
  std::uint64_t tickets_ = 0;
};

}  // namespace coworker::engine
