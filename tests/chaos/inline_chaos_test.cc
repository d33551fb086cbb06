#include <gmock/gmock.h>

#include <csignal>
#include <set>

#include "job/id.h"
#include "running_program.h"

namespace coworker::chaos {
namespace {

using ::testing::HasSubstr;

class InlineChaos : public RunningProgram {
 protected:
  bool wait_buried(const job::JobId& id) {
    return wait_until([&] {
      const auto view = show(id);
      return view && view->queue == "failed-jobs";
    });
  }
};

TEST_F(InlineChaos, OnlyTheJobWhoseThreadFaultedIsBlamed) {
  start();
  const job::JobId neighbour = add("inline", "once");
  ASSERT_TRUE(wait_for("start", job::to_string(neighbour)));
  const job::JobId bad = add("inline", "abort");
  EXPECT_TRUE(wait_buried(bad));
  // It may have been struck each time before it was done, or acknowledged, and then runs once more.
  EXPECT_TRUE(wait_until([&] { return !show(neighbour).has_value(); })) << "the neighbour was not acknowledged";
  int starts = 0;
  bool neighbour_done = false;
  while (happens_now()) {
    const std::optional<Happening> happening = next();
    if (happening->word == "start" && happening->id == job::to_string(bad)) ++starts;
    if (happening->word == "done") neighbour_done = true;
  }
  // Its first death was counted already: nobody had to be suspected.
  EXPECT_EQ(starts, 3);
  EXPECT_TRUE(neighbour_done);
  const auto view = show(bad);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->crashes, 3);
  EXPECT_THAT(view->reason, HasSubstr("SIGABRT"));
}

TEST_F(InlineChaos, WhenNobodyKnowsWhoItWasTheyRunAloneNext) {
  start();
  std::vector<job::JobId> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(add("inline", "once"));
  std::optional<Happening> happening;
  for (int i = 0; i < 3; ++i) happening = next();
  ASSERT_TRUE(happening);
  // The death of the whole process names no thread.
  ::kill(happening->pid, SIGKILL);
  // Alone: each is done before the next starts.
  for (int i = 0; i < 3; ++i) {
    const std::optional<Happening> begun = next();
    const std::optional<Happening> ended = next();
    ASSERT_TRUE(begun && ended);
    EXPECT_EQ(begun->word, "start");
    EXPECT_EQ(begun->attempt, 2);
    EXPECT_EQ(ended->word, "done");
    EXPECT_EQ(ended->id, begun->id);
  }
  EXPECT_TRUE(wait_until([&] { return std::get<job::StoreTotals>(ask(job::Totals{})).jobs == 0; }));
}

TEST_F(InlineChaos, ASingleJobIsBlamedForItsConsumersDeath) {
  start();
  const job::JobId id = add("inline", "once");
  const auto begun = wait_for("start", job::to_string(id));
  ASSERT_TRUE(begun);
  ::kill(begun->pid, SIGKILL);
  const auto again = wait_for("start", job::to_string(id));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt, 2);
  EXPECT_TRUE(wait_for("done", job::to_string(id)));
}

TEST_F(InlineChaos, JobsOnTheirWayToADeadConsumerRunAtOnce) {
  lease_ = "3600";
  start();
  for (int round = 0; round < 5; ++round) {
    const job::JobId first = add("inline", "quick");
    const auto begun = wait_for("start", job::to_string(first));
    ASSERT_TRUE(begun);
    ASSERT_TRUE(wait_until([&] { return !show(first); }));
    ASSERT_TRUE(wait_until([&] { return std::get<job::QueueView>(ask(job::QueueStat{"inline"})).blocked > 0; }));
    // It cannot read what the broker sends it.
    ::kill(begun->pid, SIGSTOP);
    const job::JobId second = add("inline", "quick");
    ASSERT_TRUE(wait_until([&] { return show(second)->state == job::State::leased; }));
    const job::JobId third = add("inline", "quick");
    ::kill(begun->pid, SIGKILL);
    std::set<std::string> awaited{job::to_string(second), job::to_string(third)};
    while (!awaited.empty()) {
      const std::optional<Happening> again = next();
      ASSERT_TRUE(again);
      if (again->word != "start" || awaited.erase(again->id) == 0) continue;
      EXPECT_EQ(again->attempt, 1) << "it had never been started";
      EXPECT_NE(again->pid, begun->pid);
    }
  }
}

TEST_F(InlineChaos, HooksHearOfWhatTheirConsumerDiedOf) {
  hooks_ = true;
  start();
  const job::JobId id = add("inline", "abort");
  std::map<std::string, int> heard;
  while (heard["buried"] == 0) {
    const std::optional<Happening> happening = next();
    ASSERT_TRUE(happening);
    ASSERT_EQ(happening->id, job::to_string(id));
    ++heard[happening->word];
  }
  // They run on threads, so the last ones may come in either order.
  while (heard["failed"] < 3) {
    const std::optional<Happening> happening = next();
    ASSERT_TRUE(happening);
    ++heard[happening->word];
  }
  EXPECT_EQ(heard["start"], 3);
  EXPECT_EQ(heard["failed"], 3);
  EXPECT_EQ(heard["buried"], 1);
  EXPECT_TRUE(wait_buried(id));
}

TEST_F(InlineChaos, StopAsksInlineWorkersAndCountsNothing) {
  stop_grace_ = "100ms";
  start();
  const job::JobId id = add("inline", "once");
  ASSERT_TRUE(wait_for("start", job::to_string(id)));
  EXPECT_EQ(end(SIGTERM), 0);
  start();
  const auto again = wait_for("start", job::to_string(id));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt, 1);
}

}  // namespace
}  // namespace coworker::chaos
