#include "coworker/asio.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <csignal>

#include "fixture.h"

namespace channel_workers {
namespace {

using coworker::Answer;
using coworker::DedicatedWorker;
using coworker::Trouble;
using coworker::WorkerFactory;

TEST(Asio, MessagesOfTwoWorkersOnOneLoop) {
  Answer<DedicatedWorker> one = WorkerFactory{}.create_worker("echo");
  Answer<DedicatedWorker> other = WorkerFactory{}.create_worker("evented-echo");
  ASSERT_TRUE(one && other) << one.message() << other.message();
  boost::asio::io_context loop{1};
  std::vector<std::string> heard;
  std::function<void(DedicatedWorker&, int)> receive = [&](DedicatedWorker& worker, int left) {
    coworker::async_receive(loop.get_executor(), worker, [&, left](Answer<std::string> message) {
      ASSERT_TRUE(message) << message.message();
      heard.push_back(*message);
      if (left > 1) receive(worker, left - 1);
    });
  };
  receive(*one, 3);
  receive(*other, 3);
  // All three in one read: none of them may wait for more bytes.
  for (const char* body : {"1", "2", "3"}) {
    ASSERT_TRUE(one->send(body));
    ASSERT_TRUE(other->send(body));
  }
  EXPECT_THAT(heard, testing::IsEmpty());
  loop.run_for(kPatience);
  EXPECT_THAT(heard, testing::UnorderedElementsAre("1", "2", "3", "1", "2", "3"));
}

TEST(Asio, ADeathIsToldToWhoWaits) {
  Answer<DedicatedWorker> worker = WorkerFactory{}.create_worker("echo");
  ASSERT_TRUE(worker) << worker.message();
  boost::asio::io_context loop{1};
  Trouble trouble = Trouble::none;
  coworker::async_receive(loop.get_executor(), *worker,
                          [&](Answer<std::string> message) { trouble = message.trouble(); });
  ASSERT_EQ(::kill(static_cast<pid_t>(worker->pid()), SIGKILL), 0);
  loop.run_for(kPatience);
  EXPECT_EQ(trouble, Trouble::closed);
}

}  // namespace
}  // namespace channel_workers
