#include "service/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "async/gate.h"
#include "job/envelope.h"
#include "store/embedded/embedded_store.h"

namespace coworker::service {
namespace {

namespace c = std::chrono;
using std::chrono::minutes;

job::Minute utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return c::sys_days{c::year{year} / c::month{month} / c::day{day}} + c::hours{hour} + minutes{minute};
}

async::Task<> tick_into(Scheduler& scheduler, store::Store& store, job::Minute now, Scheduler::Tally& total) {
  Scheduler::Tally tally = co_await scheduler.tick(store, now);
  total.added.insert(total.added.end(), tally.added.begin(), tally.added.end());
  total.repeated += tally.repeated;
  total.failed += tally.failed;
}

/// A store that can be out of reach, or without registers.
class Moody : public store::Store {
 public:
  explicit Moody(std::unique_ptr<store::Store> inner) : inner_{std::move(inner)} {}
  void apply(job::Command command, Done done) override {
    if (unreachable) return done(fail(Errc::unavailable, "unplugged"));
    inner_->apply(std::move(command), std::move(done));
  }
  store::Capabilities capabilities() const override {
    store::Capabilities can = inner_->capabilities();
    can.registers = can.registers && registers;
    return can;
  }
  std::string url() const override { return inner_->url(); }
  void close() override { inner_->close(); }

  bool unreachable = false;
  bool registers = true;

 private:
  std::unique_ptr<store::Store> inner_;
};

/// Schedulers over one embedded store in a folder of its own; minutes pass as the test says.
class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/scheduler_test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    directory_ = folder;
    store::EmbeddedOptions options;
    options.directory = directory_ + "/store";
    options.durability = store::Durability::none;
    Result<std::unique_ptr<store::Store>> opened = store::open_embedded(loop_, options);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::make_unique<Moody>(std::move(*opened));
    config_.crontab = directory_ + "/crontab";
    config_.time_zone = "UTC";
    config_.other.lifetime = Seconds{2'000'000'000};
  }

  void TearDown() override {
    if (store_) store_->close();
    loop_.restart();
    loop_.run_for(c::seconds{1});
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void write_crontab(const std::string& text) { std::ofstream{config_.crontab, std::ios::trunc} << text; }

  std::unique_ptr<Scheduler> scheduler(job::Minute now) {
    auto made = std::make_unique<Scheduler>(loop_, config_);
    const Result<> loaded = made->load(now);
    EXPECT_TRUE(loaded) << loaded.error().message();
    return made;
  }

  void tick(Scheduler& scheduler, job::Minute now) {
    if (!scheduler.is_due(now)) return;
    async::Gate gate{loop_.get_executor()};
    gate.spawn("tick", tick_into(scheduler, *store_, now, total_));
    loop_.restart();
    while (gate.running() > 0) loop_.run_one();
  }

  std::uint64_t added_to(const std::string& queue) {
    return static_cast<std::uint64_t>(std::count_if(total_.added.begin(), total_.added.end(),
                                                    [&](const auto& fired) { return fired.queue == queue; }));
  }

  std::vector<job::Minute> minutes_added() const {
    std::vector<job::Minute> all;
    for (const Scheduler::Fired& fired : total_.added) all.push_back(fired.minute);
    return all;
  }

  std::string directory_;
  async::Loop loop_{1};
  std::unique_ptr<Moody> store_;
  ScheduleConfig config_;
  Scheduler::Tally total_;
};

TEST_F(SchedulerTest, AYearOfMinutesWithThreeSchedulersThatComeAndGo) {
  write_crontab(
      "0 * * * * hourly 1\n"
      "CRON_TZ=Europe/Paris\n"
      "0 9 * * MON-FRI workdays 1\n"
      "30 2 * * * in-the-gap 1\n"
      "0 12 L * * month-end 1\n"
      "@yearly year {}\n"
      "CRON_TZ=America/New_York 0 0 * * 5#2 second-friday 1\n");
  config_.catch_up = job::CatchUp::all;
  config_.window = c::hours{3};
  std::mt19937_64 random{2026};
  const job::Minute begin = utc(2026, 1, 1), end = utc(2027, 1, 1);
  std::array<std::unique_ptr<Scheduler>, 3> all;
  job::Minute outage_ends = begin;
  for (job::Minute now = begin; now < end; now += minutes{1}) {
    // Now and then none runs, for less than the window.
    if (now >= outage_ends && random() % 50'000 == 0) {
      for (auto& each : all) each.reset();
      outage_ends = now + minutes{1 + random() % 170};
    }
    for (auto& each : all) {
      if (each && random() % 5'000 == 0) each.reset();
      if (!each && now >= outage_ends && random() % 20 == 0) each = scheduler(now);
      if (each) tick(*each, now);
    }
    if (!all[0] && now >= outage_ends) all[0] = scheduler(now);
  }
  for (auto& each : all) {
    each = scheduler(end - minutes{1});
    tick(*each, end - minutes{1});
  }

  EXPECT_EQ(total_.failed, 0u);
  EXPECT_GT(total_.repeated, 8'000u);
  // The first scheduler of all makes up for the window before the year: 22:00 and 23:00.
  EXPECT_EQ(added_to("hourly"), 2u + 8'760u);
  EXPECT_EQ(added_to("workdays"), 261u);
  EXPECT_EQ(added_to("in-the-gap"), 365u);
  EXPECT_EQ(added_to("month-end"), 12u);
  EXPECT_EQ(added_to("year"), 2u);  // 2026 begins in Paris within that window, 2027 before the end
  EXPECT_EQ(added_to("second-friday"), 12u);
}

TEST_F(SchedulerTest, TwoRunsInTheSameMinuteAddOnce) {
  write_crontab("* * * * * q {\"a\": 1}\n* * * * * q {\"a\": 1}\n");
  const job::Minute now = utc(2026, 5, 1);
  tick(*scheduler(now), now);
  tick(*scheduler(now), now);
  EXPECT_EQ(total_.added.size(), 2u);  // the row stands there twice
  EXPECT_EQ(total_.repeated, 2u);
}

TEST_F(SchedulerTest, TheRegistersOfDeletedRowsAreForgotten) {
  write_crontab("0 0 * * * q 1\n0 0 * * * q 2\n");
  const job::Minute day = utc(2026, 5, 1);
  tick(*scheduler(day), day);
  write_crontab("0 0 * * * q 2\n");
  tick(*scheduler(day + c::days{30}), day + c::days{30});
  tick(*scheduler(day + c::days{45}), day + c::days{45});
  const auto registers = [&] {
    // A register that is there refuses its own value.
    std::uint64_t stale = 0;
    for (const job::Minute minute : {day, day + c::days{45}}) {
      write_crontab("0 0 * * * q 1\n0 0 * * * q 2\n");
      const std::size_t before = total_.repeated;
      tick(*scheduler(minute), minute);
      stale += total_.repeated - before;
    }
    return stale;
  };
  tick(*scheduler(day + c::days{46}), day + c::days{46});
  const std::size_t added = total_.added.size();
  EXPECT_EQ(registers(), 2u) << "the row that is still there";
  EXPECT_EQ(total_.added.size(), added + 2) << "the other one has no register any more";
}

struct CatchUpCase {
  const char* name;
  job::CatchUp catch_up;
  std::vector<job::Minute> want;
};

void PrintTo(const CatchUpCase& row, std::ostream* out) {
  *out << row.name;
}

class SchedulerCatchUp : public SchedulerTest, public testing::WithParamInterface<CatchUpCase> {};

TEST_P(SchedulerCatchUp, AfterNobodyWasThere) {
  write_crontab("*/20 * * * * q 1\n");
  config_.catch_up = GetParam().catch_up;
  config_.window = c::hours{1};
  tick(*scheduler(utc(2026, 5, 1, 8, 1)), utc(2026, 5, 1, 8, 1));
  total_ = {};
  tick(*scheduler(utc(2026, 5, 1, 12, 10)), utc(2026, 5, 1, 12, 10));
  EXPECT_EQ(minutes_added(), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Table, SchedulerCatchUp,
                         testing::Values(CatchUpCase{"None", job::CatchUp::none, {}},
                                         CatchUpCase{"Last", job::CatchUp::last, {utc(2026, 5, 1, 12, 0)}},
                                         CatchUpCase{"AllOfTheWindow",
                                                     job::CatchUp::all,
                                                     {utc(2026, 5, 1, 11, 20), utc(2026, 5, 1, 11, 40),
                                                      utc(2026, 5, 1, 12, 0)}}),
                         [](const auto& row) { return row.param.name; });

TEST_F(SchedulerTest, WhatCouldNotBeAddedIsTriedAgainWithinTheWindow) {
  write_crontab("0 * * * * q 1\n");
  config_.catch_up = job::CatchUp::all;
  const auto one = scheduler(utc(2026, 5, 1, 8, 30));
  tick(*one, utc(2026, 5, 1, 8, 30));
  total_ = {};
  store_->unreachable = true;
  tick(*one, utc(2026, 5, 1, 9, 0));
  EXPECT_EQ(total_.failed, 1u);
  store_->unreachable = false;
  tick(*one, utc(2026, 5, 1, 9, 1));
  EXPECT_EQ(minutes_added(), std::vector{utc(2026, 5, 1, 9, 0)});
}

TEST_F(SchedulerTest, AJobIsAsItsQueueWantsIt) {
  write_crontab("* * * * * mail {\"to\": \"x\"}\n");
  config_.queues["mail"].process_timeout = Seconds{7};
  config_.queues["mail"].lifetime = Seconds{70};
  const job::Minute now = utc(2026, 5, 1);
  tick(*scheduler(now), now);
  ASSERT_EQ(total_.added.size(), 1u);
  std::optional<Result<job::Answer>> answer;
  store_->apply(job::Show{total_.added[0].id}, [&](Result<job::Answer> got) { answer = std::move(got); });
  loop_.restart();
  while (!answer) loop_.run_one();
  const auto& view = std::get<job::View>(**answer);
  EXPECT_EQ(view.retry, Seconds{7});
  const job::Envelope envelope = job::parse_envelope(view.body).value();
  EXPECT_EQ(envelope.body, R"({"to": "x"})");
  EXPECT_EQ(job::read_stamp(envelope.metadata).job_lifetime, 70);
  EXPECT_THAT(envelope.metadata, testing::HasSubstr(R"("scheduled-for":1777593600)"));
}

TEST_F(SchedulerTest, AChangedFileIsReadAgainAndItsNewRowsHaveNoPast) {
  write_crontab("0 * * * * old 1\n");
  config_.catch_up = job::CatchUp::all;
  const auto one = scheduler(utc(2026, 5, 1, 8, 5));
  tick(*one, utc(2026, 5, 1, 8, 5));
  total_ = {};
  write_crontab("# longer than before\n0 * * * * old 1\n0 * * * * new 1\n61 * * * * bad 1\n");
  ASSERT_TRUE(one->load(utc(2026, 5, 1, 8, 6)));
  tick(*one, utc(2026, 5, 1, 8, 6));
  EXPECT_TRUE(total_.added.empty());
  tick(*one, utc(2026, 5, 1, 9, 0));
  EXPECT_EQ(added_to("old"), 1u);
  EXPECT_EQ(added_to("new"), 1u);
  std::filesystem::remove(config_.crontab);
  EXPECT_TRUE(one->load(utc(2026, 5, 1, 9, 1)));
  tick(*one, utc(2026, 5, 1, 10, 0));
  EXPECT_EQ(added_to("old"), 2u);  // the rows read before stay
}

TEST_F(SchedulerTest, AStoreWithoutRegistersCannotCatchUp) {
  write_crontab("* * * * * q 1\n");
  store_->registers = false;
  const auto plain = scheduler(utc(2026, 5, 1));
  EXPECT_TRUE(plain->check(*store_));
  tick(*plain, utc(2026, 5, 1));
  EXPECT_EQ(total_.added.size(), 1u);
  config_.catch_up = job::CatchUp::last;
  EXPECT_FALSE(scheduler(utc(2026, 5, 1))->check(*store_));
}

TEST(CrontabFile, NamesOfTimeZones) {
  EXPECT_TRUE(load_zone("Europe/Paris"));
  EXPECT_EQ(load_zone("Mars/Olympus").error().code(), Errc::not_found);
  for (const char* name : {"../../etc/passwd", "/etc/localtime", "Europe/Paris\n", "a b"}) {
    EXPECT_EQ(load_zone(name).error().code(), Errc::invalid_argument) << name;
  }
  EXPECT_FALSE(load_zone("tzdata.zi"));
  EXPECT_FALSE(load_zone("Europe"));
}

// The C library reads the same files in its own way.
TEST(CrontabFile, OffsetsAreThoseOfTheCLibrary) {
  const char* const before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  for (const char* name : {"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Europe/Dublin",
                           "Asia/Gaza", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tehran"}) {
    const job::TimeZone zone = load_zone(name).value();
    ::setenv("TZ", name, 1);
    ::tzset();
    for (job::Minute minute = utc(1971, 1, 1); minute < utc(2099, 12, 31); minute += minutes{7 * 60 + 11}) {
      const std::time_t moment = c::duration_cast<Seconds>(minute.time_since_epoch()).count();
      std::tm local{};
      ::localtime_r(&moment, &local);
      const std::int64_t whole_minutes = local.tm_gmtoff >= 0 ? local.tm_gmtoff / 60 : -((-local.tm_gmtoff + 59) / 60);
      ASSERT_EQ(zone.at(minute).offset.count(), whole_minutes) << name << " at " << moment;
    }
  }
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
  ::tzset();
}

TEST(CrontabFile, FaultsOfAllKindsInTheOrderOfTheLines) {
  const std::string file = "/tmp/crontab_file_test." + std::to_string(::getpid());
  std::ofstream{file} << "CRON_TZ=Mars/Olympus 0 1 * * * q 1\n61 * * * * q 1\n0 1 * * * q 1\n";
  const Result<CrontabFile> loaded = load_crontab(file, "UTC");
  std::filesystem::remove(file);
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(loaded->faults.size(), 2u);
  EXPECT_EQ(loaded->faults[0].line, 1u);
  EXPECT_EQ(loaded->faults[1].line, 2u);
  EXPECT_EQ(loaded->rows.size(), 1u);
  EXPECT_FALSE(load_crontab(file, "UTC"));
  EXPECT_FALSE(load_crontab("/tmp", "UTC"));
}

}  // namespace
}  // namespace coworker::service
