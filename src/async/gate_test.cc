#include "async/gate.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "async/event.h"
#include "async/loop.h"

namespace coworker::async {
namespace {

using namespace std::chrono_literals;

Task<> note(std::vector<int>* log, int value) {
  log->push_back(value);
  co_return;
}

Task<> note_after(Event* event, std::vector<int>* log, int value) {
  co_await event->wait();
  log->push_back(value);
}

Task<> throw_up() {
  throw std::runtime_error{"as planned"};
  co_return;
}

Task<> close_gate(Gate* gate, std::vector<int>* log, int value) {
  co_await gate->close();
  log->push_back(value);
}

Task<> wait_for(Event* event, Millis limit, bool* was_set) {
  *was_set = co_await event->wait_for(limit);
}

TEST(Gate, CountsWhatRuns) {
  Loop loop;
  Gate gate{loop.get_executor()};
  std::vector<int> log;
  EXPECT_TRUE(gate.spawn("one", note(&log, 1)));
  EXPECT_TRUE(gate.spawn("two", note(&log, 2)));
  EXPECT_EQ(gate.running(), 2u);
  EXPECT_TRUE(log.empty());  // started by the loop, not by spawn
  loop.run();
  EXPECT_EQ(gate.running(), 0u);
  EXPECT_EQ(log, (std::vector{1, 2}));
}

TEST(Gate, CloseWaitsForTheLastTaskAndRefusesNewOnes) {
  Loop loop;
  Gate gate{loop.get_executor()};
  Gate closers{loop.get_executor()};
  Event event{loop.get_executor()};
  std::vector<int> log;
  gate.spawn("first", note_after(&event, &log, 1));
  gate.spawn("second", note_after(&event, &log, 2));
  closers.spawn("closer", close_gate(&gate, &log, 3));
  closers.spawn("second closer", close_gate(&gate, &log, 4));
  loop.poll();
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(gate.closed());
  EXPECT_FALSE(gate.spawn("late", note(&log, 9)));
  event.set();
  loop.run();
  EXPECT_EQ(log, (std::vector{1, 2, 3, 4}));
}

TEST(Gate, CloseOfAnEmptyGateReturnsAtOnce) {
  Loop loop;
  Gate gate{loop.get_executor()};
  Gate closers{loop.get_executor()};
  std::vector<int> log;
  closers.spawn("closer", close_gate(&gate, &log, 1));
  loop.run();
  EXPECT_EQ(log, std::vector{1});
}

TEST(Gate, AnExceptionEndsItsOwnTaskOnly) {
  Loop loop;
  Gate gate{loop.get_executor()};
  std::vector<int> log;
  testing::internal::CaptureStderr();
  gate.spawn("the unlucky one", throw_up());
  gate.spawn("other", note(&log, 1));
  loop.run();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "coworker: the unlucky one ended by an exception: as planned\n");
  EXPECT_EQ(gate.running(), 0u);
  EXPECT_EQ(log, std::vector{1});
}

TEST(Event, WaitForTellsWhetherItWasSet) {
  Loop loop;
  Gate gate{loop.get_executor()};
  Event set_later{loop.get_executor()};
  Event never{loop.get_executor()};
  bool first = false;
  bool second = true;
  gate.spawn("first", wait_for(&set_later, 1h, &first));
  gate.spawn("second", wait_for(&never, 1ms, &second));
  loop.poll();
  set_later.set();
  loop.run();
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
}

TEST(Event, ADeadlineEndsOneWaitAndNotItsNeighbours) {
  Loop loop;
  Gate gate{loop.get_executor()};
  Event event{loop.get_executor()};
  bool early = true;
  bool late = false;
  gate.spawn("early", wait_for(&event, 1ms, &early));
  gate.spawn("late", wait_for(&event, 1h, &late));
  while (gate.running() == 2) loop.run_one();
  EXPECT_FALSE(early);
  event.set();
  loop.run();
  EXPECT_TRUE(late);
}

TEST(Event, PassesOnceSetUntilReset) {
  Loop loop;
  Gate gate{loop.get_executor()};
  Event event{loop.get_executor()};
  event.set();
  std::vector<int> log;
  gate.spawn("passes", note_after(&event, &log, 1));
  loop.poll();
  EXPECT_EQ(log, std::vector{1});
  event.reset();
  gate.spawn("waits", note_after(&event, &log, 2));
  loop.restart();
  loop.poll();
  EXPECT_EQ(log, std::vector{1});
  event.set();
  loop.restart();
  loop.run();
  EXPECT_EQ(log, (std::vector{1, 2}));
}

}  // namespace
}  // namespace coworker::async
