#include "service/scaling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <utility>
#include <vector>

namespace coworker::service {
namespace {

/// A group under a simulated load: jobs arrive by chance at a rate, take a time by chance, and wait for a slot in
/// order. A new process is there after a moment, and one that is let go ends when its jobs have.
class Simulation {
 public:
  Simulation(Scaling::Limits limits, double time_per_job) : limits_{limits}, time_per_job_{time_per_job} {
    processes_ = limits.min;
  }

  /// Runs on for a time, at `rate(second)` arrivals a second.
  void run(int for_seconds, const std::function<double(double)>& rate) {
    for (int second = 0; second < for_seconds; ++second) {
      for (int step = 0; step < kSteps; ++step) {
        work(rate(second + static_cast<double>(step) / kSteps) / kSteps);
      }
      look();
    }
  }

  std::uint32_t processes() const { return processes_; }
  std::size_t waiting() const { return waiting_; }
  double longest_queue() const { return longest_queue_; }
  int changes_of_direction() const { return turns_; }
  std::uint32_t most() const { return most_; }
  int changes() const { return changes_; }
  void forget() {
    turns_ = changes_ = 0;
    most_ = 0;
    longest_queue_ = 0;
    direction_ = 0;
  }

 private:
  static constexpr int kSteps = 100;

  void work(double expected) {
    const int came = std::poisson_distribution<int>{std::max(expected, 1e-9)}(random_);
    waiting_ += static_cast<std::size_t>(came);
    arrived_ += static_cast<std::uint64_t>(came);
    for (double& left : running_) left -= 1.0 / kSteps;
    finished_ += std::erase_if(running_, [](double left) { return left <= 0; });
    const std::size_t slots = std::size_t{processes_} * limits_.slots;
    while (waiting_ > 0 && running_.size() < slots) {
      --waiting_;
      running_.push_back(std::exponential_distribution<double>{1.0 / time_per_job_}(random_));
    }
    longest_queue_ = std::max(longest_queue_, static_cast<double>(waiting_));
  }

  void look() {
    Load load;
    load.waiting = waiting_;
    load.arrived = std::exchange(arrived_, 0);
    load.finished = std::exchange(finished_, 0);
    load.busy = static_cast<double>(running_.size());
    const std::uint32_t wanted = scaling_.target(load, limits_, processes_);
    EXPECT_GE(wanted, limits_.min);
    EXPECT_LE(wanted, limits_.max);
    if (wanted != processes_) {
      const int direction = wanted > processes_ ? 1 : -1;
      if (direction_ != 0 && direction != direction_) ++turns_;
      direction_ = direction;
      ++changes_;
    }
    processes_ = wanted;
    most_ = std::max(most_, wanted);
  }

  Scaling::Limits limits_;
  double time_per_job_;
  Scaling scaling_;
  std::uint32_t processes_;
  std::mt19937_64 random_{42};
  std::size_t waiting_ = 0;
  std::vector<double> running_;  // seconds left
  std::uint64_t arrived_ = 0;
  std::uint64_t finished_ = 0;
  double longest_queue_ = 0;
  int direction_ = 0;
  int turns_ = 0;
  int changes_ = 0;
  std::uint32_t most_ = 0;
};

constexpr Scaling::Limits kLimits{1, 20, 10};

std::function<double(double)> steady(double rate) {
  return [rate](double) { return rate; };
}

TEST(Scaling, NothingToDoIsTheLeast) {
  Simulation group{kLimits, 0.5};
  group.run(120, steady(0));
  EXPECT_EQ(group.processes(), 1u);
  EXPECT_EQ(group.changes(), 0);
}

TEST(Scaling, AStepIsFollowedWithinSecondsAndHeld) {
  Simulation group{kLimits, 0.5};
  group.run(60, steady(2));
  EXPECT_EQ(group.processes(), 1u);
  // 100 a second of half a second each keep 50 slots busy.
  group.run(10, steady(100));
  EXPECT_GE(group.processes(), 6u);
  group.run(30, steady(100));
  EXPECT_LT(group.waiting(), 100u);
  group.run(60, steady(100));
  group.forget();
  group.run(600, steady(100));
  EXPECT_GE(group.processes(), 6u);
  EXPECT_LE(group.most(), 9u);
  EXPECT_LE(group.changes(), 4) << "it flaps";
  EXPECT_LT(group.longest_queue(), 50);
}

TEST(Scaling, AnEndedLoadIsLetGoSlowlyAndWholly) {
  Simulation group{kLimits, 0.5};
  group.run(120, steady(100));
  const std::uint32_t before = group.processes();
  group.run(20, steady(0));
  EXPECT_EQ(group.processes(), before) << "let go at the first pause";
  group.forget();
  group.run(60, steady(0));
  EXPECT_EQ(group.processes(), 1u);
  EXPECT_EQ(group.changes_of_direction(), 0);
}

TEST(Scaling, ARampIsFollowedWithoutALongQueue) {
  Simulation group{kLimits, 0.5};
  group.run(200, [](double second) { return second; });  // to 200 a second: 100 slots
  EXPECT_GE(group.processes(), 10u);
  EXPECT_LE(group.changes_of_direction(), 2);
  EXPECT_LT(group.longest_queue(), 200) << "it lags";
}

TEST(Scaling, BurstsThatComeAgainFindTheProcessesOfTheLast) {
  Simulation group{kLimits, 0.5};
  const auto bursts = [](double second) { return std::fmod(second, 20) < 5 ? 150.0 : 1.0; };
  group.run(60, bursts);
  group.forget();
  group.run(300, bursts);
  EXPECT_LE(group.changes_of_direction(), 4) << "it flaps with the bursts";
}

TEST(Scaling, NoiseAroundABoundaryIsNoReasonToFlap) {
  // 40 slots are full at 80 %: exactly five processes.
  Simulation group{kLimits, 0.5};
  group.run(120, steady(80));
  group.forget();
  group.run(1'000, steady(80));
  EXPECT_LE(group.changes(), 10);
}

TEST(Scaling, JobsOfMinutesAreGivenSlotsBeforeTheFirstHasEnded) {
  Simulation group{kLimits, 300};
  group.run(10, [](double second) { return second < 1 ? 80.0 : 0.0; });
  EXPECT_GE(group.processes(), 7u);
  EXPECT_LE(group.most(), 12u) << "more slots than jobs";
}

TEST(Scaling, TinyJobsInMassesNeedNoMoreThanTheyKeepBusy) {
  Simulation group{{1, 20, 10}, 0.01};
  group.run(120, steady(250));
  EXPECT_EQ(group.processes(), 1u);
}

TEST(Scaling, TheLimitsHold) {
  Simulation group{{3, 4, 10}, 10};
  group.run(60, steady(100));
  EXPECT_EQ(group.processes(), 4u);
  Simulation idle{{3, 4, 10}, 10};
  idle.run(60, steady(0));
  EXPECT_EQ(idle.processes(), 3u);
}

}  // namespace
}  // namespace coworker::service
