#include "job/lifecycle.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace coworker::job {
namespace {

TEST(Lifecycle, EveryStateAndEventHasAtMostOneTransition) {
  std::set<std::pair<State, Event>> seen;
  for (const Transition& t : kTransitions) EXPECT_TRUE(seen.emplace(t.from, t.event).second);
}

TEST(Lifecycle, NextAnswersTheTableAndNothingElse) {
  for (int from = 0; from <= static_cast<int>(State::gone); ++from) {
    for (int event = 0; event <= static_cast<int>(Event::expire); ++event) {
      std::optional<State> want;
      for (const Transition& t : kTransitions) {
        if (t.from == static_cast<State>(from) && t.event == static_cast<Event>(event)) want = t.to;
      }
      EXPECT_EQ(next(static_cast<State>(from), static_cast<Event>(event)), want);
    }
  }
}

TEST(Lifecycle, NothingLeavesGone) {
  for (int event = 0; event <= static_cast<int>(Event::expire); ++event) {
    EXPECT_FALSE(next(State::gone, static_cast<Event>(event)));
  }
}

TEST(Lifecycle, EveryStateCanEnd) {
  for (const State state : {State::scheduled, State::ready, State::leased}) {
    EXPECT_EQ(next(state, Event::ack), State::gone);
    EXPECT_EQ(next(state, Event::remove), State::gone);
  }
}

}  // namespace
}  // namespace coworker::job
