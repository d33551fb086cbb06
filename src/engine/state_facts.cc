#include "engine/state.h"

namespace coworker::engine {

StateFact State::state_fact(Slot slot, job::Event event) const {
  const Entry& entry = slab_[slot];
  const Extra* extra = extra_of(slot);
  // Only a failure and a full record tell the reason; whatever else happens leaves it.
  const bool tells = event == job::Event::retry || event == job::Event::due;
  return StateFact{.key = entry.key,
                   .event = event,
                   .state = entry.state,
                   .queued_once = entry.queued_once,
                   .due = entry.due,
                   .token = entry.token,
                   .expires = entry.expires,
                   .nacks = entry.nacks,
                   .additional = entry.additional,
                   .attempts = entry.attempts,
                   .crashes = entry.crashes,
                   .has_reason = tells,
                   .reason = tells && extra != nullptr ? std::string_view{extra->reason} : std::string_view{}};
}

void State::note(Slot slot, job::Event event, Effects& effects) const {
  const std::size_t before = effects.facts.size();
  encode(state_fact(slot, event), effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

void State::note_moved(Slot slot, job::Event event, Effects& effects) const {
  const std::size_t before = effects.facts.size();
  const Queue& queue = queues_[queues_.lane(slab_[slot].lane).queue];
  MovedFact fact{state_fact(slot, event), {slab_[slot].dead, extra_of(slot)->origin}, queue.name};
  fact.state.has_reason = true;
  fact.state.reason = extra_of(slot)->reason;
  encode(fact, effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

void State::note_register(std::string_view name, std::uint64_t value, Effects& effects) {
  const std::size_t before = effects.facts.size();
  encode(RegisterFact{value, name}, effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

void State::note_removed(job::Key key, job::Event event, Effects& effects) const {
  const std::size_t before = effects.facts.size();
  encode(RemovedFact{key, event}, effects.facts);
  effects.items.push_back({.size = static_cast<std::uint32_t>(effects.facts.size() - before)});
}

/// `cold` gives what the entry does not hold: created_ms, delay_ms, replicas, group, rewritten.
void State::note_job(Slot slot, const JobFact& cold, std::string_view body, Effects& effects) const {
  const Entry& entry = slab_[slot];
  const Extra* extra = extra_of(slot);
  const Lane& lane = queues_.lane(entry.lane);
  JobFact fact = cold;
  fact.state = state_fact(slot, job::Event::due);
  fact.origin.dead = entry.dead;
  fact.retry = entry.retry;
  fact.ttl_digits = entry.ttl_digits;
  fact.bury_on_expiry = entry.bury_on_expiry;
  fact.priority = lane.priority;
  fact.queue = queues_[lane.queue].name;
  if (lane.group == 0) fact.group = {};
  fact.unique_key = {};
  if (extra != nullptr) {
    fact.origin.origin = extra->origin;
    fact.unique_key = extra->unique_key;
  }
  const std::size_t before = effects.facts.size();
  encode(fact, effects.facts);
  effects.items.push_back(
      {.size = static_cast<std::uint32_t>(effects.facts.size() - before), .body = body, .slot = slot});
}

}  // namespace coworker::engine
