#include "service/consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <semaphore>

#include "job/envelope.h"
#include "proc/group.h"
#include "store/embedded/embedded_store.h"

namespace coworker::service {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using worker::Outcome;

constexpr auto kPatience = 20s;

/// A store that counts what passes through it.
class Counting : public store::Store {
 public:
  explicit Counting(std::unique_ptr<store::Store> inner) : inner_{std::move(inner)} {}

  void apply(job::Command command, Done done) override {
    if (std::holds_alternative<job::Extend>(command)) ++extends;
    if (unreachable) return done(fail(Errc::unavailable, "unplugged"));
    inner_->apply(std::move(command), std::move(done));
  }
  store::Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string url() const override { return inner_->url(); }
  void close() override { inner_->close(); }

  int extends = 0;
  bool unreachable = false;

 private:
  std::unique_ptr<store::Store> inner_;
};

/// A consumer with two inline queues ("inline", "other") and a command queue ("command") over an embedded store.
class ConsumerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/consumer_test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    directory_ = folder;
    store::EmbeddedOptions options;
    options.directory = directory_;
    options.durability = store::Durability::none;
    Result<std::unique_ptr<store::Store>> opened = store::open_embedded(loop_, options);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::make_unique<Counting>(std::move(*opened));
    for (const char* name : {"inline", "other", "command", "nobody"}) {
      QueueConfig queue;
      queue.name = name;
      queue.worker.kind = name == std::string{"command"} ? WorkerKind::command : WorkerKind::inline_worker;
      queue.worker.name = name;
      queue.worker.command = {"/bin/sh", "-c", "exit 0", "sh"};
      queue.max_retries = 1;
      config_.queues.push_back(queue);
    }
    group_.queues = {"inline", "other", "command", "nobody"};
    group_.job_batch = 4;
    config_.kill_grace = 200ms;
    for (const char* name : {"inline", "other"}) {
      registry_.add(name, [this](const worker::Job& job, const std::stop_token& token) { return work_(job, token); });
    }
  }

  void TearDown() override {
    if (consumer_ && !stopped_) {
      consumer_->stop_now();
      EXPECT_TRUE(run_until([this] { return stopped_; }));
    }
    consumer_.reset();
    if (store_) store_->close();
    loop_.restart();
    loop_.run_for(1s);
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  template <class Condition>
  bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      loop_.restart();
      loop_.run_one_for(50ms);
    }
    return true;
  }

  job::Answer ask(job::Command command) {
    std::optional<Result<job::Answer>> got;
    store_->apply(std::move(command), [&](Result<job::Answer> answer) { got.emplace(std::move(answer)); });
    EXPECT_TRUE(run_until([&] { return got.has_value(); }));
    EXPECT_TRUE(got && *got) << (got ? got->error().message() : "no answer");
    return got && *got ? **got : job::Answer{};
  }

  job::JobId add(const std::string& queue, const std::string& body, bool wrapped = true) {
    job::Add add;
    add.queue = queue;
    add.body = wrapped ? job::make_envelope(body) : body;
    return std::get<job::Added>(ask(std::move(add))).id;
  }

  /// nullopt: it is gone.
  std::optional<job::View> show(const job::JobId& id) {
    const job::Answer answer = ask(job::Show{id});
    const auto* view = std::get_if<job::View>(&answer);
    return view ? std::optional{*view} : std::nullopt;
  }

  bool wait_gone(const job::JobId& id) {
    return run_until([&] { return !show(id).has_value(); });
  }

  bool wait_dead(const job::JobId& id) {
    return run_until([&] {
      const auto view = show(id);
      return view && view->queue == "failed-jobs";
    });
  }

  void start() {
    Consumer::Parts parts;
    parts.config = &config_;
    parts.group = &group_;
    Result<std::unique_ptr<StartPage>> page = StartPage::create(2 * group_.job_batch);
    ASSERT_TRUE(page);
    page_ = std::move(*page);
    Result<std::unique_ptr<Suspects>> suspects = Suspects::create();
    ASSERT_TRUE(suspects);
    suspects_ = std::move(*suspects);
    parts.page = page_.get();
    parts.suspects = suspects_.get();
    parts.registry = &registry_;
    Consumer::Events events;
    events.on_stopped = [this] { stopped_ = true; };
    events.on_stuck = [this] { ++stuck_; };
    consumer_ = std::make_unique<Consumer>(loop_, *store_, parts, std::move(events));
    const Result<> started = consumer_->start();
    ASSERT_TRUE(started) << started.error().message();
  }

  std::string directory_;
  async::Loop loop_;
  std::unique_ptr<Counting> store_;
  Config config_;
  ConsumerConfig group_;
  worker::Registry registry_;
  worker::Handler work_ = [](const worker::Job&, const std::stop_token&) { return Outcome::ok(); };
  std::unique_ptr<StartPage> page_;
  std::unique_ptr<Suspects> suspects_;
  std::unique_ptr<Consumer> consumer_;
  bool stopped_ = false;
  int stuck_ = 0;
};

TEST_F(ConsumerTest, DoneJobsAreAcknowledged) {
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    ++runs;
    EXPECT_EQ(job.body, R"({"n":1.50})");
    EXPECT_EQ(job.attempt, 1U);
    return Outcome::ok();
  };
  const job::JobId first = add("inline", R"({"n":1.50})");
  start();
  const job::JobId second = add("inline", R"({"n":1.50})");
  const job::JobId third = add("command", "0");
  EXPECT_TRUE(wait_gone(first));
  EXPECT_TRUE(wait_gone(second));
  EXPECT_TRUE(wait_gone(third));
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(run_until([this] { return page_->held().empty(); }));
}

TEST_F(ConsumerTest, AFailingJobIsRetriedAndThenBuriedWithItsReason) {
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    EXPECT_EQ(job.attempt, static_cast<std::uint32_t>(++runs));
    return Outcome::failed("no such picture");
  };
  start();
  const job::JobId id = add("inline", "1");
  EXPECT_TRUE(wait_dead(id));
  EXPECT_EQ(runs, 2);
  const auto view = show(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->origin, "inline");
  EXPECT_THAT(view->reason, HasSubstr("no such picture"));
}

TEST_F(ConsumerTest, ACrashingWorkerIsCountedApart) {
  config_.queues[2].worker.command[2] = "kill -SEGV $$";
  config_.queues[2].max_retries = 37;
  config_.queues[2].failure_strategy = FailureStrategy::retry_immediately;
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(wait_dead(id));
  EXPECT_EQ(show(id)->crashes, 3);
  EXPECT_THAT(show(id)->reason, HasSubstr("its worker died 3 times: SIGSEGV not sent by us"));
}

TEST_F(ConsumerTest, WhatCannotBeDecodedOrRoutedIsBuried) {
  start();
  const job::JobId broken = add("inline", "{broken", false);
  const job::JobId unroutable = add("nobody", "1");
  EXPECT_TRUE(wait_dead(broken));
  EXPECT_TRUE(wait_dead(unroutable));
  EXPECT_THAT(show(broken)->reason, HasSubstr("cannot be decoded: not JSON at byte 1"));
  EXPECT_THAT(show(unroutable)->reason, HasSubstr("there is no worker for queue 'nobody'"));
}

TEST_F(ConsumerTest, ABareBodyIsAJobToo) {
  std::string seen;
  std::mutex mutex;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    const std::lock_guard lock{mutex};
    seen = job.body + job.metadata;
    return Outcome::ok();
  };
  start();
  EXPECT_TRUE(wait_gone(add("inline", "0", false)));
  EXPECT_EQ(seen, "0{}");
}

TEST_F(ConsumerTest, AFreeSlotIsFilledWhileALongJobRuns) {
  // The long job ends only after six short ones, which need its neighbours' three slots twice.
  std::latch shorts{6};
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    if (job.body == "1") {
      shorts.wait();
    } else {
      shorts.count_down();
    }
    return Outcome::ok();
  };
  const job::JobId long_one = add("inline", "1");
  for (int i = 0; i < 6; ++i) add("inline", "2");
  start();
  EXPECT_TRUE(wait_gone(long_one));
}

TEST_F(ConsumerTest, NoMoreThanItsSlotsAreClaimed) {
  std::counting_semaphore<> gate{0};
  std::atomic<int> at_once = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++at_once;
    gate.acquire();
    return Outcome::ok();
  };
  for (int i = 0; i < 9; ++i) add("inline", "1");
  start();
  EXPECT_TRUE(run_until([&] { return at_once == 4; }));
  EXPECT_EQ(std::get<job::QueueView>(ask(job::QueueStat{"inline"})).leased, 4U);
  gate.release(9);
  EXPECT_TRUE(run_until([&] { return std::get<job::QueueView>(ask(job::QueueStat{"inline"})).leased == 0; }));
}

TEST_F(ConsumerTest, LeasesAreRenewedWhileTheWorkerLives) {
  config_.lease = 300ms;
  std::latch release{1};
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++runs;
    release.wait();
    return Outcome::ok();
  };
  start();
  const job::JobId id = add("inline", "1");
  // Nine renewals are three leases.
  EXPECT_TRUE(run_until([&] { return store_->extends >= 9; }));
  EXPECT_EQ(show(id)->state, job::State::leased);
  release.count_down();
  EXPECT_TRUE(wait_gone(id));
  EXPECT_EQ(runs, 1);
}

TEST_F(ConsumerTest, WhoLosesTheLeaseStopsWorking) {
  config_.lease = 300ms;
  config_.queues[2].worker.command[2] = "sleep 1000 & wait";
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  const pid_t group = page_->held()[0].group;
  // Somebody acknowledges it with the plain command.
  ask(job::Ack{{job::JobRef{id, job::Token{0}}}});
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  EXPECT_FALSE(proc::group_runs(group));
  EXPECT_FALSE(show(id));
}

TEST_F(ConsumerTest, WithoutTheStoreNothingRunsLongerThanItsLease) {
  config_.lease = 300ms;
  config_.queues[2].worker.command[2] = "sleep 1000 & wait";
  start();
  add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  store_->unreachable = true;
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  store_->unreachable = false;
}

TEST_F(ConsumerTest, AnAnswerIsRepeatedUntilTheStoreHasHeard) {
  std::latch release{1};
  std::atomic<bool> runs = false;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    runs = true;
    release.wait();
    return Outcome::ok();
  };
  start();
  const job::JobId id = add("inline", "1");
  EXPECT_TRUE(run_until([&] { return runs.load(); }));
  store_->unreachable = true;
  release.count_down();
  EXPECT_TRUE(run_until([&] { return consumer_->running() == 0; }));
  ASSERT_EQ(page_->held().size(), 1U);
  EXPECT_EQ(page_->held()[0].state, Hold::done);
  store_->unreachable = false;
  EXPECT_TRUE(wait_gone(id));
}

TEST_F(ConsumerTest, StopLetsRunningJobsEndAndTakesNoMore) {
  std::latch release{1};
  std::atomic<int> runs = 0;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    ++runs;
    release.wait();
    return Outcome::ok();
  };
  config_.stop_grace = 1h;
  start();
  const job::JobId id = add("inline", "1");
  EXPECT_TRUE(run_until([&] { return runs == 1; }));
  consumer_->stop();
  const job::JobId later = add("inline", "2");
  release.count_down();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
  EXPECT_FALSE(show(id));
  EXPECT_EQ(show(later)->state, job::State::ready);
  EXPECT_EQ(runs, 1);
}

TEST_F(ConsumerTest, StopNowGivesJobsBackUncounted) {
  config_.queues[2].worker.command[2] = "trap '' TERM; sleep 1000 & while :; do wait; done";
  start();
  const job::JobId id = add("command", "1");
  EXPECT_TRUE(run_until([&] { return !page_->held().empty() && page_->held()[0].group > 0; }));
  const pid_t group = page_->held()[0].group;
  consumer_->stop_now();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
  EXPECT_FALSE(proc::group_runs(group));
  const auto view = show(id);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->state, job::State::ready);
  EXPECT_EQ(view->attempts, 0);
}

TEST_F(ConsumerTest, AnIdleConsumerStopsAtOnce) {
  start();
  EXPECT_TRUE(run_until([] { return true; }));
  consumer_->stop();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
}

TEST_F(ConsumerTest, ASuspectRunsAlone) {
  std::atomic<int> at_once = 0;
  std::atomic<int> runs = 0;
  std::atomic<bool> crowded = false;
  work_ = [&](const worker::Job& job, const std::stop_token&) {
    const int others = at_once++;
    if (job.body == "1" && others > 0) crowded = true;
    // Room for others to come in while it runs.
    for (int i = 0; job.body == "1" && i < 1000; ++i) {
      if (at_once > 1) crowded = true;
      std::this_thread::yield();
    }
    --at_once;
    ++runs;
    return Outcome::ok();
  };
  add("inline", "2");
  const job::JobId suspect = add("inline", "1");
  for (int i = 0; i < 6; ++i) add("inline", "2");
  start();
  suspects_->add(static_cast<std::uint64_t>(suspect.key));
  EXPECT_TRUE(run_until([&] { return runs == 8; }));
  EXPECT_FALSE(crowded);
  EXPECT_TRUE(run_until([&] { return !suspects_->contains(static_cast<std::uint64_t>(suspect.key)); }));
}

TEST_F(ConsumerTest, AnInlineWorkerThatNeverReturnsIsTold) {
  std::latch release{1};
  config_.queues[0].job_process_timeout = Seconds{0};
  config_.stop_grace = 10ms;
  config_.kill_grace = 10ms;
  std::atomic<bool> runs = false;
  work_ = [&](const worker::Job&, const std::stop_token&) {
    runs = true;
    release.wait();
    return Outcome::ok();
  };
  start();
  add("inline", "1");
  EXPECT_TRUE(run_until([&] { return runs.load(); }));
  consumer_->stop();
  EXPECT_TRUE(run_until([&] { return stuck_ == 1; }));
  EXPECT_TRUE(page_->stopping());
  release.count_down();
  EXPECT_TRUE(run_until([&] { return stopped_; }));
}

}  // namespace
}  // namespace coworker::service
