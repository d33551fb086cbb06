#include "coworker/producer.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <set>
#include <thread>

#include "app/broker.h"
#include "coworker/asio.h"

namespace coworker {
namespace {

using namespace std::chrono_literals;

class ProducerTest : public testing::Test {
 protected:
  ProducerTest() {
    std::string name = (std::filesystem::temp_directory_path() / "cw-producer-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ProducerTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string url() const { return "file:" + folder_ + "/data"; }

  app::BrokerOptions broker_options() const {
    app::BrokerOptions options;
    options.directory = folder_ + "/data";
    options.listen = {"unix:" + folder_ + "/data/broker.sock"};
    options.owner_patience = Millis{2'000};
    return options;
  }

  std::string folder_;
};

TEST_F(ProducerTest, AddsToADirectoryThatNobodyServesAndLeavesIt) {
  Producer producer{url()};
  const Added first = producer.add("mail", R"({"to":"a"})");
  ASSERT_TRUE(first) << first.message();
  EXPECT_EQ(first.id().size(), 40u);
  EXPECT_TRUE(first.is_new());

  app::BrokerThread broker{broker_options()};
  const Result<> started = broker.start();
  ASSERT_TRUE(started) << "a producer that adds nothing holds nothing: " << started.error().message();
  const Added second = producer.add("mail", "2");
  EXPECT_TRUE(second) << "now over the broker: " << second.message();
  broker.stop();
  // Until it has noticed that the broker is gone, an add may be lost with the connection, and says so.
  Added third = producer.add("mail", "3");
  while (third.error() == AddError::unavailable) third = producer.add("mail", "3");
  EXPECT_TRUE(third) << "and without it again: " << third.message();
}

TEST_F(ProducerTest, HooksChangeHowAJobIsTreatedAndHearWhatBecameOfIt) {
  std::vector<std::string> heard;
  ProducerOptions options;
  options.before_add = [](std::string_view queue, std::string_view body, AddOptions& add) {
    add.unique = std::string{queue} + "/once";
    if (body == "3") throw std::runtime_error{"no"};
  };
  options.after_add = [&](std::string_view queue, std::string_view body, const Added& added) {
    heard.push_back(std::string{queue} + " " + std::string{body} + (added.is_new() ? " new" : " known"));
    throw 17;  // does no harm
  };
  Producer producer{url(), options};
  const Added first = producer.add("mail", "1");
  ASSERT_TRUE(first) << first.message();
  EXPECT_EQ(producer.add("mail", "2").id(), first.id()) << "the hook made it unique";
  EXPECT_TRUE(producer.add("mail", "3").is_new()) << "as the caller said, because the hook threw";
  EXPECT_EQ(heard, (std::vector<std::string>{"mail 1 new", "mail 2 known", "mail 3 new"}));
}

TEST_F(ProducerTest, ManyAreAddedAtOnceAndEachHasItsOwnId) {
  std::vector<std::string> bodies;
  for (int i = 0; i < 500; ++i) bodies.push_back(std::to_string(i));
  bodies[7] = "{bad";
  Producer producer{url()};
  std::set<std::string> ids;
  const std::vector<Added> results = producer.add_many("q", bodies);
  ASSERT_EQ(results.size(), bodies.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(static_cast<bool>(results[i]), i != 7) << i << results[i].message();
    if (results[i]) ids.insert(std::string{results[i].id()});
  }
  EXPECT_EQ(ids.size(), bodies.size() - 1);
  EXPECT_EQ(results[7].error(), AddError::invalid);
  EXPECT_NE(results[7].message().find("byte 1"), std::string_view::npos) << results[7].message();
}

TEST_F(ProducerTest, AUniqueKeyAnswersTheJobThatHoldsIt) {
  Producer producer{url()};
  const Added first = producer.add("q", "1", {.unique = "u"});
  const Added second = producer.add("q", "2", {.unique = "u"});
  ASSERT_TRUE(first) << first.message();
  ASSERT_TRUE(second) << second.message();
  EXPECT_EQ(first.id(), second.id());
  EXPECT_TRUE(first.is_new());
  EXPECT_FALSE(second.is_new());
}

TEST_F(ProducerTest, WhatCannotBeIsRefusedWithAReason) {
  Producer producer{url()};
  EXPECT_EQ(producer.add("q", "").error(), AddError::invalid);
  EXPECT_EQ(producer.add("q", "1", {.priority = 128}).error(), AddError::invalid);
  EXPECT_EQ(producer.add("q", "1", {.delay = 2h, .lifetime = 1h}).error(), AddError::invalid);
  EXPECT_EQ(producer.add("q", "1", {.metadata = "[]"}).error(), AddError::invalid);
  EXPECT_EQ(Producer{"redis://x"}.add("q", "1").error(), AddError::invalid);
}

TEST_F(ProducerTest, AStoreThatCannotBeReachedIsUnavailable) {
  Producer producer{"unix:" + folder_ + "/none.sock"};
  const Added added = producer.add("q", "1");
  EXPECT_EQ(added.error(), AddError::unavailable);
  EXPECT_NE(added.message().find("none.sock"), std::string_view::npos) << added.message();
}

TEST_F(ProducerTest, ThreadsShareOne) {
  Producer producer{url()};
  std::vector<std::thread> threads;
  std::atomic<int> added{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 25; ++j) added += producer.add("q", "1") ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(added, 100);
}

TEST_F(ProducerTest, EndingItAnswersWhatIsUnderWay) {
  std::promise<Added> promise;
  {
    Producer producer{"unix:" + folder_ + "/none.sock"};
    producer.add_then("q", "1", {}, [&](Added added) { promise.set_value(std::move(added)); });
  }
  EXPECT_FALSE(promise.get_future().get());
}

TEST_F(ProducerTest, AsioCompletesOnTheCallersLoop) {
  Producer producer{url()};
  boost::asio::io_context loop;
  std::optional<Added> added;
  std::thread::id completed_on;
  async_add(loop.get_executor(), producer, "q", "1", {}, [&](Added outcome) {
    added = std::move(outcome);
    completed_on = std::this_thread::get_id();
  });
  loop.run();  // the operation keeps it running
  ASSERT_TRUE(added);
  EXPECT_TRUE(*added) << added->message();
  EXPECT_EQ(completed_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace coworker
