#include "store/embedded/embedded_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "journal/open_disk.h"
#include "store/conformance/suite.h"
#include "store/embedded/spool.h"

namespace coworker::store {
namespace {

/// A folder that goes with it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "coworker-store-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

Opened open_with(Durability durability, bool sync_acks) {
  auto folder = std::make_shared<Folder>();
  auto loop = std::make_shared<async::Loop>();
  EmbeddedOptions options{.directory = folder->path() + "/data"};
  options.durability = durability;
  options.sync_acks = sync_acks;
  options.segment_bytes = 1 << 20;
  auto store = open_embedded(*loop, options);
  EXPECT_TRUE(store) << store.error().message();
  return {loop, folder, std::move(*store)};
}

INSTANTIATE_TEST_SUITE_P(Embedded, StoreConformance,
                         testing::Values(Backend{"Commit", [] { return open_with(Durability::commit, false); }},
                                         Backend{"CommitAcks", [] { return open_with(Durability::commit, true); }},
                                         Backend{"Interval", [] { return open_with(Durability::interval, false); }},
                                         Backend{"None", [] { return open_with(Durability::none, false); }}),
                         [](const auto& row) { return row.param.name; });

class EmbeddedStore : public testing::Test {
 protected:
  void open() {
    EmbeddedOptions options{.directory = folder_.path() + "/data"};
    options.segment_bytes = 1 << 20;
    auto store = open_embedded(loop_, options);
    ASSERT_TRUE(store) << store.error().message();
    store_ = std::move(*store);
  }
  template <class Answer>
  Answer ask(job::Command command) {
    std::optional<Result<job::Answer>> reply;
    store_->apply(std::move(command), [&](Result<job::Answer> got) { reply = std::move(got); });
    loop_.restart();
    while (!reply) loop_.run_one_for(Seconds{10});
    EXPECT_TRUE(*reply) << reply->error().message();
    return std::get<Answer>(**reply);
  }

  Folder folder_;
  async::Loop loop_;
  std::unique_ptr<Store> store_;
};

TEST_F(EmbeddedStore, ASecondOwnerIsToldWhoTheFirstIs) {
  open();
  async::Loop other_loop;
  EmbeddedOptions options{.directory = folder_.path() + "/data"};
  const auto second = open_embedded(other_loop, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
  EXPECT_THAT(second.error().message(), testing::HasSubstr(std::to_string(::getpid())));
  EXPECT_EQ(ask<job::Added>(job::Add{.queue = "q", .body = "x"}).outcome, job::Added::Outcome::created);
}

TEST_F(EmbeddedStore, KeepsEverythingOverAReopening) {
  open();
  const auto id = ask<job::Added>(job::Add{.queue = "q", .body = "kept", .delay = Millis{50}}).id;
  ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_out = true});
  store_.reset();
  open();
  EXPECT_TRUE(ask<job::QueueView>(job::QueueStat{"q"}).pause_out) << "a pause outlives a restart";
  ask<job::QueueView>(job::SetQueue{.queue = "q", .pause_out = false});
  const auto jobs = ask<job::Claimed>(job::Claim{.queues = {"q"}, .blocking = true, .ticket = 1}).jobs;
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].id, id);
  EXPECT_EQ(jobs[0].body, "kept");
}

TEST_F(EmbeddedStore, TakesOverWhatWasSpooledExactlyOnce) {
  std::vector<job::JobId> ids;
  for (int i = 0; i < 3; ++i) {
    auto disk = journal::open_disk(folder_.path() + "/data");
    ASSERT_TRUE(disk);
    auto spool = Spool::open(**disk);
    ASSERT_TRUE(spool) << spool.error().message();
    auto id = spool->add({.queue = "q", .body = "job " + std::to_string(i)}, Time{wall_millis()});
    ASSERT_TRUE(id);
    ids.push_back(*id);
  }
  open();
  const auto jobs = ask<job::Claimed>(job::Claim{.queues = {"q"}, .count = 10}).jobs;
  ASSERT_EQ(jobs.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(jobs[i].id, ids[i]);
    EXPECT_EQ(jobs[i].body, "job " + std::to_string(i));
  }
  store_.reset();
  open();
  EXPECT_EQ(ask<job::StoreTotals>(job::Totals{}).jobs, 3u);
}

TEST_F(EmbeddedStore, DiskUseFollowsTheBacklog) {
  open();
  const std::string body(4'000, 'x');
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 250; ++i) {
      store_->apply(job::Add{.queue = "q", .body = body}, [](const Result<job::Answer>& reply) { ASSERT_TRUE(reply); });
    }
    const auto jobs = ask<job::Claimed>(job::Claim{.queues = {"q"}, .count = 250}).jobs;
    job::Ack ack;
    for (const auto& job : jobs) ack.jobs.push_back({job.id, job.token});
    ask<job::Statuses>(std::move(ack));
  }
  // 40 MB went through; compaction runs when the loop rests.
  std::uint64_t disk = 0;
  const auto limit = std::chrono::steady_clock::now() + Seconds{20};
  do {
    loop_.restart();
    loop_.run_for(Millis{50});
    disk = ask<job::StoreTotals>(job::Totals{}).disk;
  } while (disk > (8u << 20) && std::chrono::steady_clock::now() < limit);
  EXPECT_LE(disk, 8u << 20);
}

}  // namespace
}  // namespace coworker::store
