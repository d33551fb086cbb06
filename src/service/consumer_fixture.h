#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "job/envelope.h"
#include "service/consumer.h"
#include "store/embedded/embedded_store.h"

/// For tests of Consumer: one over a real store in a folder of its own.
namespace coworker::service {

inline constexpr auto kPatience = std::chrono::seconds{20};

/// A store that counts what passes through it.
class Counting : public store::Store {
 public:
  explicit Counting(std::unique_ptr<store::Store> inner) : inner_{std::move(inner)} {}

  void apply(job::Command command, Done done) override {
    if (std::holds_alternative<job::Extend>(command)) ++extends;
    if (unreachable) return done(fail(Errc::unavailable, "unplugged"));
    inner_->apply(std::move(command), std::move(done));
  }
  store::Capabilities capabilities() const override {
    store::Capabilities can = inner_->capabilities();
    can.fencing = can.fencing && fencing;
    return can;
  }
  std::string url() const override { return inner_->url(); }
  void close() override { inner_->close(); }

  int extends = 0;
  bool unreachable = false;
  bool fencing = true;  // false: as a plain Disque server

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
    config_.kill_grace = Millis{200};
    for (const char* name : {"inline", "other"}) {
      registry_.add(
          name, [this](const worker::Job& job, const worker::Contact& contact) { return work_(job, contact.stop); });
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
    loop_.run_for(std::chrono::seconds{1});
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  template <class Condition>
  bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds{50});
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

  std::vector<std::string> history(const job::JobId& id) {
    job::History question;
    question.id = id;
    return std::get<job::HistoryPage>(ask(question)).events;
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
    config_.consumers = {group_};
    Result<std::unique_ptr<StartPage>> page = StartPage::create(2 * (group_.job_batch + group_.prefetch));
    ASSERT_TRUE(page);
    page_ = std::move(*page);
    Result<std::unique_ptr<Suspects>> suspects = Suspects::create();
    ASSERT_TRUE(suspects);
    suspects_ = std::move(*suspects);
    parts.page = page_.get();
    parts.suspects = suspects_.get();
    parts.registry = &registry_;
    log_ = std::make_unique<EventLog>(loop_, *store_, config_.events);
    parts.log = log_.get();
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
  std::function<worker::Outcome(const worker::Job&, const std::stop_token&)> work_ =
      [](const worker::Job&, const std::stop_token&) { return worker::Outcome::ok(); };
  std::unique_ptr<StartPage> page_;
  std::unique_ptr<Suspects> suspects_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Consumer> consumer_;
  bool stopped_ = false;
  int stuck_ = 0;
};

}  // namespace coworker::service
