#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>

#include "coworker/async_factory.h"
#include "fixture.h"

namespace channel_workers {
namespace {

namespace asio = boost::asio;
using coworker::Answer;
using coworker::AsyncFactory;
using coworker::DedicatedWorker;
using coworker::SharedWorker;
using coworker::Trouble;
using coworker::WorkerPool;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

using Task = asio::awaitable<void>;

/// Runs them side by side to their ends.
void run(std::vector<Task> tasks) {
  asio::io_context loop{1};
  for (Task& task : tasks) {
    asio::co_spawn(loop, std::move(task), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  loop.run_for(kPatience);
  EXPECT_TRUE(loop.stopped()) << "not in time";
}

template <class... Tasks>
void run_all(Tasks... tasks) {
  std::vector<Task> all;
  (all.push_back(std::move(tasks)), ...);
  run(std::move(all));
}

DedicatedWorker started(const std::string& name) {
  Answer<DedicatedWorker> worker = coworker::WorkerFactory{}.create_worker(name);
  EXPECT_TRUE(worker) << worker.message();
  return std::move(*worker);
}

Task call(coworker::Master* master, std::string body, std::vector<std::string>* heard) {
  Answer<std::string> answer = co_await coworker::async_call(*master, body);
  heard->push_back(answer ? *answer : answer.message());
}

Task receive(coworker::Master* master, int count, std::vector<std::string>* heard) {
  for (int i = 0; i < count; ++i) {
    Answer<std::string> message = co_await coworker::async_receive(*master);
    heard->push_back(message ? *message : message.message());
  }
}

Task send(coworker::Master* master, std::vector<std::string> bodies) {
  for (const std::string& body : bodies) {
    Answer<> sent = co_await coworker::async_send(*master, body);
    EXPECT_TRUE(sent) << sent.message();
  }
}

TEST(Awaitable, MessagesOfTwoWorkersOnOneLoop) {
  DedicatedWorker one = started("echo");
  DedicatedWorker other = started("evented-echo");
  std::vector<std::string> heard;
  run_all(receive(&one, 3, &heard), receive(&other, 3, &heard), send(&one, {"1", "2", "3"}),
          send(&other, {"1", "2", "3"}));
  EXPECT_THAT(heard, UnorderedElementsAre("1", "2", "3", "1", "2", "3"));
}

TEST(Awaitable, CallsAndMessagesOfOneWorkerGoBesideEachOther) {
  DedicatedWorker worker = started("moody");
  std::vector<std::string> calls;
  std::vector<std::string> messages;
  // The first is answered by the last, which also sends a message of its own.
  run_all(receive(&worker, 1, &messages), call(&worker, "\"later\"", &calls), call(&worker, "\"extra\"", &calls),
          call(&worker, "\"kept\"", &calls));
  EXPECT_THAT(calls, UnorderedElementsAre("\"late\"", "\"done\"", "\"done\""));
  EXPECT_THAT(messages, ElementsAre("\"an extra message\""));
}

Task call_in(coworker::Master* master, std::string body, std::chrono::milliseconds limit, Trouble* trouble) {
  Answer<std::string> answer = co_await coworker::async_call(*master, body, limit);
  *trouble = answer.trouble();
}

TEST(Awaitable, ACallThatIsLateIsCancelledAtTheWorker) {
  DedicatedWorker worker = started("moody");
  Trouble trouble = Trouble::none;
  run_all(call_in(&worker, "\"later\"", 50ms, &trouble));
  EXPECT_EQ(trouble, Trouble::timed_out);
  EXPECT_EQ(*worker.call("\"cancelled?\"", kPatience), "1");
}

TEST(Awaitable, ACallWhoseCoroutineIsCancelledIsCancelledAtTheWorker) {
  DedicatedWorker worker = started("moody");
  asio::io_context loop{1};
  asio::cancellation_signal signal;
  Trouble trouble = Trouble::none;
  asio::co_spawn(loop, call_in(&worker, "\"progress and later\"", coworker::kForever, &trouble),
                 asio::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
  std::vector<std::string> other;
  // It is under way when this one has its answer.
  asio::co_spawn(loop, call(&worker, "1", &other),
                 [&](const std::exception_ptr&) { signal.emit(asio::cancellation_type::terminal); });
  loop.run_for(kPatience);
  EXPECT_EQ(trouble, Trouble::cancelled);
  EXPECT_EQ(*worker.call("\"cancelled?\"", kPatience), "1");
}

Task call_with_progress(coworker::Master* master, std::vector<std::string>* heard) {
  const auto note = [heard](const std::string& progress) { heard->push_back(progress); };
  Answer<std::string> answer = co_await coworker::async_call(*master, "\"progress\"", kPatience, note);
  heard->push_back(*answer);
}

TEST(Awaitable, ProgressAndFaults) {
  DedicatedWorker worker = started("moody");
  std::vector<std::string> heard;
  std::vector<std::string> faults;
  run_all(call_with_progress(&worker, &heard), call(&worker, "\"throw\"", &faults));
  EXPECT_THAT(heard, ElementsAre("1", "2", "\"done\""));
  EXPECT_THAT(faults, ElementsAre("the worker says: no mood for this"));
}

TEST(Awaitable, LargeMessagesBothWaysAtTheSameTime) {
  DedicatedWorker worker = started("echo");
  const std::string large = "\"" + std::string(4 << 20, 'x') + "\"";
  std::vector<std::string> heard;
  run_all(send(&worker, {large, large, large}), receive(&worker, 3, &heard));
  ASSERT_EQ(heard.size(), 3u);
  for (const std::string& each : heard) EXPECT_TRUE(each == large);
}

TEST(Awaitable, ADeathIsToldToAllWhoWait) {
  DedicatedWorker worker = started("moody");
  std::vector<std::string> heard;
  run_all(receive(&worker, 1, &heard), call(&worker, "\"later\"", &heard), call(&worker, "\"garbage\"", &heard));
  EXPECT_THAT(heard, testing::SizeIs(3));
  EXPECT_THAT(heard, testing::Each(testing::HasSubstr("closed")));
}

Task pool_of_two(AsyncFactory* factory, std::set<std::size_t>* workers, bool* is_told) {
  Answer<WorkerPool> pool = co_await factory->create_pool("echo", 2, coworker::Replacement::always);
  EXPECT_TRUE(pool) << pool.message();
  for (std::size_t i = 0; i < 2; ++i) {
    Answer<> sent = co_await coworker::async_send((*pool)[i], "1");
    EXPECT_TRUE(sent);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    Answer<WorkerPool::Received> received = co_await factory->receive(*pool, kPatience);
    EXPECT_TRUE(received && received->message);
    workers->insert(received->worker);
  }
  Answer<WorkerPool::Received> nothing = co_await factory->receive(*pool, 10ms);
  EXPECT_EQ(nothing.trouble(), Trouble::timed_out);
  const long pid = (*pool)[1].pid();
  ::kill(static_cast<pid_t>(pid), SIGKILL);
  Answer<WorkerPool::Received> dead = co_await factory->receive(*pool, kPatience);
  EXPECT_EQ(dead->worker, 1u);
  EXPECT_EQ(dead->end->signal, SIGKILL);
  EXPECT_EQ(dead->end->pid, pid);
  Answer<std::string> answer = co_await coworker::async_call((*pool)[1], "7", kPatience);
  *is_told = *answer == "7";
}

TEST(Awaitable, APoolTellsWhoAnsweredAndWhoDied) {
  AsyncFactory factory;
  std::set<std::size_t> workers;
  bool is_told = false;
  run_all(pool_of_two(&factory, &workers, &is_told));
  EXPECT_THAT(workers, ElementsAre(0, 1));
  EXPECT_TRUE(is_told);
}

Task life_of_shared(AsyncFactory* factory, std::string address, bool* is_over) {
  Answer<SharedWorker> absent = co_await factory->connect(address);
  EXPECT_EQ(absent.trouble(), Trouble::unreachable);
  Answer<SharedWorker> worker = co_await factory->connect(address, "counting");
  EXPECT_TRUE(worker) << worker.message();
  Answer<std::string> answer = co_await coworker::async_call(*worker, "1", kPatience);
  EXPECT_EQ(*answer, "1");
  Answer<coworker::Status> status = co_await coworker::async_query(*worker, kPatience);
  EXPECT_EQ(*status->text, "served 1");
  Answer<bool> stopped = co_await coworker::async_stop(*worker, kPatience);
  EXPECT_TRUE(stopped && *stopped);
  Answer<> end = co_await coworker::async_wait_for_end(*worker, kPatience);
  *is_over = static_cast<bool>(end);
}

TEST(Awaitable, TheLifeOfASharedWorker) {
  Shared shared;
  AsyncFactory factory{shared.profile};
  bool is_over = false;
  run_all(life_of_shared(&factory, shared.address(), &is_over));
  EXPECT_TRUE(is_over);
}

Task start_and_close(AsyncFactory* factory, int* code) {
  Answer<DedicatedWorker> worker = co_await factory->create_worker("square");
  EXPECT_TRUE(worker) << worker.message();
  coworker::WorkerEnd end = co_await factory->close(*worker);
  *code = end.exit_code;
}

TEST(Awaitable, ADedicatedWorkerIsStartedAndClosed) {
  AsyncFactory factory;
  int code = -1;
  run_all(start_and_close(&factory, &code));
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace channel_workers
