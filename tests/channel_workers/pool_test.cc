#include <gmock/gmock.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <set>
#include <thread>

#include "fixture.h"

namespace channel_workers {
namespace {

using coworker::Answer;
using coworker::Replacement;
using coworker::Trouble;
using coworker::WorkerFactory;
using coworker::WorkerPool;
using Received = WorkerPool::Received;

TEST(Pool, Case4_FourWorkersInTheOrderOfTheirCreation) {
  Answer<WorkerPool> pool = WorkerFactory{}.create_pool("square", 4);
  ASSERT_TRUE(pool) << pool.message();
  EXPECT_EQ(pool->size(), 4u);
  std::size_t place = 0;
  std::set<long> pids;
  for (const auto& worker : *pool) {
    EXPECT_EQ(worker.get(), &(*pool)[place++]);
    pids.insert(worker->pid());
  }
  EXPECT_EQ(pids.size(), 4u);
  // A member cannot be replaced from outside: what iteration gives is constant.
  static_assert(std::is_const_v<std::remove_reference_t<decltype(*pool->begin())>>);
}

TEST(Pool, Case5_SizesBelowOneAreRefusedAndNoneIsTheUsableProcessors) {
  for (const int size : {0, -1}) {
    EXPECT_EQ(WorkerFactory{}.create_pool("square", size).trouble(), Trouble::invalid);
    EXPECT_EQ(WorkerFactory{}.create_program_pool({"/bin/cat"}, size).trouble(), Trouble::invalid);
  }
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  CPU_SET(first, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(coworker::usable_processors(), 1);
  Answer<WorkerPool> pool = WorkerFactory{}.create_program_pool({"/bin/cat"});
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  ASSERT_TRUE(pool);
  EXPECT_EQ(pool->size(), 1u);
  EXPECT_LE(coworker::usable_processors(), CPU_COUNT(&before));
}

TEST(Pool, Case6_TenJobsByFourWorkersAndWhoDidThem) {
  Answer<WorkerPool> pool = WorkerFactory{}.create_pool("square", 4);
  ASSERT_TRUE(pool) << pool.message();
  long next = 0;
  std::vector<long> given(4, -1);
  const auto give = [&](std::size_t place) {
    given[place] = next++;
    ASSERT_TRUE((*pool)[place].send(std::to_string(given[place])));
  };
  for (std::size_t place = 0; place < pool->size(); ++place) give(place);
  for (int results = 0; results < 10; ++results) {
    Answer<Received> received = pool->receive(kPatience);
    ASSERT_TRUE(received && received->message);
    const long n = given[received->worker];
    EXPECT_EQ(*received->message, std::to_string(n * n));
    if (next < 10) give(received->worker);
  }
}

TEST(Pool, Case7_ADeathIsToldOnceAndHidesNobodysAnswer) {
  Answer<WorkerPool> pool = WorkerFactory{}.create_pool("square", 2);
  ASSERT_TRUE(pool) << pool.message();
  ASSERT_TRUE((*pool)[1].send("3"));
  pollfd answer{(*pool)[1].native_handle(), POLLIN, 0};
  ASSERT_EQ(::poll(&answer, 1, 30'000), 1);
  const long pid = (*pool)[0].pid();
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
  pollfd death{(*pool)[0].native_handle(), POLLIN, 0};
  ASSERT_EQ(::poll(&death, 1, 30'000), 1);

  int deaths = 0;
  int answers = 0;
  for (int i = 0; i < 2; ++i) {
    Answer<Received> received = pool->receive(kPatience);
    ASSERT_TRUE(received);
    if (received->end) {
      ++deaths;
      EXPECT_EQ(received->worker, 0u);
      EXPECT_EQ(received->message.trouble(), Trouble::closed);
      EXPECT_EQ(received->end->pid, pid);
      EXPECT_EQ(received->end->signal, SIGKILL);
      EXPECT_FALSE(pool->is_alive(0));
    } else {
      ++answers;
      EXPECT_EQ(received->worker, 1u);
      EXPECT_EQ(*received->message, "9");
    }
  }
  EXPECT_EQ(deaths, 1);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(pool->receive(std::chrono::milliseconds{1}).trouble(), Trouble::timed_out);
}

TEST(Pool, ADeadMemberIsReplacedIfThatIsWanted) {
  Answer<WorkerPool> pool = WorkerFactory{}.create_pool("square", 2, Replacement::always);
  ASSERT_TRUE(pool) << pool.message();
  ASSERT_EQ(::kill(static_cast<pid_t>((*pool)[0].pid()), SIGKILL), 0);
  Answer<Received> received = pool->receive(kPatience);
  ASSERT_TRUE(received && received->end);
  EXPECT_TRUE(pool->is_alive(0));
  EXPECT_NE((*pool)[0].pid(), received->end->pid);
  ASSERT_TRUE((*pool)[0].send("5"));
  received = pool->receive(kPatience);
  ASSERT_TRUE(received && received->message);
  EXPECT_EQ(*received->message, "25");
}

TEST(Pool, EachGetsItsTurn) {
  Answer<WorkerPool> pool = WorkerFactory{}.create_pool("evented-echo", 2);
  ASSERT_TRUE(pool) << pool.message();
  std::vector<int> answers(2);
  for (int n = 0; n < 100; ++n) {
    for (std::size_t place = 0; place < 2; ++place) ASSERT_TRUE((*pool)[place].send("1"));
  }
  // All answers are there, in the pipes.
  constexpr int kBytes = 200;
  for (const auto& worker : *pool) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    for (int there = 0; there < kBytes && std::chrono::steady_clock::now() < end; std::this_thread::yield()) {
      ASSERT_EQ(::ioctl(worker->native_handle(), FIONREAD, &there), 0);
    }
  }
  for (int n = 0; n < 200; ++n) {
    Answer<Received> received = pool->receive(kPatience);
    ASSERT_TRUE(received && received->message);
    ++answers[received->worker];
    EXPECT_LE(std::abs(answers[0] - answers[1]), 1);
  }
  EXPECT_THAT(answers, testing::ElementsAre(100, 100));
}

TEST(Pool, NobodyAliveIsAnError) {
  Answer<WorkerPool> pool = WorkerFactory{}.create_program_pool({"/bin/true"}, 2);
  ASSERT_TRUE(pool);
  EXPECT_TRUE(pool->receive(kPatience)->end);
  EXPECT_TRUE(pool->receive(kPatience)->end);
  EXPECT_EQ(pool->receive(kPatience).trouble(), Trouble::closed);
}

}  // namespace
}  // namespace channel_workers
