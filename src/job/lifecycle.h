#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace coworker::job {

/// Where a stored job stands. An acknowledged, removed or expired job is `gone`: nothing of it is kept.
enum class State : std::uint8_t {
  scheduled,  // waits for a moment: its delay, its next attempt, or (no moment) for somebody to enqueue it
  ready,      // in its queue
  leased,     // claimed; runs, or is about to
  gone,
};

enum class Event : std::uint8_t {
  due,        // its moment has come
  claim,      // a consumer takes it
  ack,        // the work is done
  retry,      // it failed: run again after a delay
  release,    // claimed but given back, uncounted
  bury,       // it will not be retried: into the failure queue, under the same id
  extend,     // the holder lives: the lease is renewed
  lease_end,  // the holder has been silent for too long
  enqueue,    // into the queue now, whatever it waits for (Disque: ENQUEUE, NACK)
  dequeue,    // out of the queue, until its retry time (Disque: DEQUEUE)
  working,    // a plain client says it works on it (Disque: WORKING)
  remove,     // deleted by hand
  expire,     // its lifetime has passed
  move,       // a dead job goes to another queue: back to work, or to another failure queue
};

struct Transition {
  State from;
  Event event;
  State to;
};

/// The whole life of a job, as data. The engine may not move a job any other way, docs/lifecycle.md
/// prints this table, and a test walks every (state, event) pair. Two rows name the plain case: the
/// expiry of a job that has a failure queue is a `bury`, and the end of a lease of an at-most-once job is
/// its expiry, since it must not run again.
inline constexpr std::array kTransitions{
    Transition{State::scheduled, Event::due, State::ready},
    Transition{State::scheduled, Event::ack, State::gone},
    Transition{State::scheduled, Event::bury, State::ready},
    Transition{State::scheduled, Event::enqueue, State::ready},
    Transition{State::scheduled, Event::working, State::scheduled},
    Transition{State::scheduled, Event::remove, State::gone},
    Transition{State::scheduled, Event::expire, State::gone},
    Transition{State::scheduled, Event::move, State::ready},
    Transition{State::ready, Event::claim, State::leased},
    Transition{State::ready, Event::ack, State::gone},
    Transition{State::ready, Event::bury, State::ready},
    Transition{State::ready, Event::dequeue, State::scheduled},
    Transition{State::ready, Event::working, State::scheduled},
    Transition{State::ready, Event::remove, State::gone},
    Transition{State::ready, Event::expire, State::gone},
    Transition{State::ready, Event::move, State::ready},
    Transition{State::leased, Event::ack, State::gone},
    Transition{State::leased, Event::retry, State::scheduled},
    Transition{State::leased, Event::release, State::ready},
    Transition{State::leased, Event::bury, State::ready},
    Transition{State::leased, Event::extend, State::leased},
    Transition{State::leased, Event::lease_end, State::ready},
    Transition{State::leased, Event::enqueue, State::ready},
    Transition{State::leased, Event::working, State::leased},
    Transition{State::leased, Event::remove, State::gone},
};

/// nullopt: the event is not legal in this state, so the caller reports conflict and changes nothing.
constexpr std::optional<State> next(State from, Event event) {
  for (const Transition& t : kTransitions) {
    if (t.from == from && t.event == event) return t.to;
  }
  return std::nullopt;
}

static_assert(next(State::leased, Event::lease_end) == State::ready);
static_assert(!next(State::leased, Event::expire), "expiry never hits a job that somebody works on");
static_assert(!next(State::gone, Event::enqueue), "finished work cannot be undone");

std::string_view to_string(State state) noexcept;
std::string_view to_string(Event event) noexcept;

}  // namespace coworker::job
