#include "job/lifecycle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <utility>

namespace coworker::job {
namespace {

TEST(Lifecycle, EveryStateAndEventHasAtMostOneTransition) {
  std::set<std::pair<State, Event>> seen;
  for (const Transition& t : kTransitions) EXPECT_TRUE(seen.emplace(t.from, t.event).second);
}

TEST(Lifecycle, NextAnswersTheTableAndNothingElse) {
  for (int from = 0; from <= static_cast<int>(State::gone); ++from) {
    for (int event = 0; event <= static_cast<int>(Event::move); ++event) {
      std::optional<State> want;
      for (const Transition& t : kTransitions) {
        if (t.from == static_cast<State>(from) && t.event == static_cast<Event>(event)) want = t.to;
      }
      EXPECT_EQ(next(static_cast<State>(from), static_cast<Event>(event)), want);
    }
  }
}

TEST(Lifecycle, TheDocumentShowsTheTable) {
  std::ifstream file{std::string{CW_SOURCE_DIR} + "/docs/lifecycle.md"};
  std::set<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    // "| from | event | to | when |": the first three cells are the row.
    std::size_t end = line.starts_with('|') ? 0 : std::string::npos;
    for (int cells = 0; cells < 3 && end != std::string::npos; ++cells) end = line.find('|', end + 1);
    if (end != std::string::npos && line.find("---") == std::string::npos) rows.insert(line.substr(0, end + 1));
  }
  std::size_t found = 0;
  for (const Transition& t : kTransitions) {
    std::string row = "| ";
    for (const std::string_view cell : {to_string(t.from), to_string(t.event), to_string(t.to)})
      row.append(cell).append(" | ");
    row.pop_back();
    EXPECT_TRUE(rows.contains(row)) << row;
    ++found;
  }
  for (const std::string& row : rows) {
    const bool is_transition =
        row.starts_with("| scheduled |") || row.starts_with("| ready |") || row.starts_with("| leased |");
    found -= is_transition ? 1 : 0;
  }
  EXPECT_EQ(found, 0u) << "rows that the table does not have";
}

TEST(Lifecycle, NothingLeavesGone) {
  for (int event = 0; event <= static_cast<int>(Event::move); ++event) {
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
