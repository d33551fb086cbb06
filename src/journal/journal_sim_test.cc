#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "journal/found.h"
#include "journal/journal.h"
#include "journal/sim_disk.h"
#include "journal/verify.h"

// Random histories of a journal on a disk that loses power, bytes and patience. CW_SIM_SEEDS says how many,
// CW_SIM_SEED runs a single one.
namespace coworker::journal {
namespace {

struct Entry {
  Position position = 0;
  Position record_end = 0;
  std::uint64_t number = 0;
  std::string head;
  std::string body;
};

struct Running {
  SyncTask task;
  std::optional<Result<>> result;
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_{seed}, disk_{seed * 2 + 1, std::uint64_t{1} << 20} {
    segment_bytes_ = std::uint64_t{8192} << below(4);
  }

  void run() {
    reopen();
    for (int step = 0; step < 150 && !testing::Test::HasFailure(); ++step) act();
    settle();
  }

  std::uint64_t hints_made() const { return hints_made_; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::string text(std::size_t bytes) {
    std::string content(bytes, '\0');
    for (std::size_t i = 0; i < bytes; i += 7) content[i] = static_cast<char>(random_());
    return content;
  }

  void act() {
    using Act = void (History::*)();
    static constexpr Act kActs[] = {
        &History::append,    &History::append,      &History::append,      &History::append,    &History::append,
        &History::append,    &History::append,      &History::append,      &History::append,    &History::append,
        &History::write_out, &History::write_out,   &History::sync,        &History::sync,      &History::start_sync,
        &History::run_sync,  &History::finish_sync, &History::read_some,   &History::compact,   &History::make_hint,
        &History::resume,    &History::set_faults,  &History::change_room, &History::interrupt,
    };
    (this->*kActs[below(std::size(kActs))])();
    check_positions();
  }

  void write_out() { static_cast<void>(journal_->write_out()); }
  void sync() { static_cast<void>(journal_->sync()); }
  void resume() { static_cast<void>(journal_->try_resume()); }
  void change_room() { disk_.set_bytes(one_in(2) ? disk_.used() + below(40'000) : std::uint64_t{1} << 20); }

  void make_hint() {
    const auto task = journal_->start_hint();
    if (!task) return;
    const auto made = task->run();
    if (one_in(3)) compact();
    journal_->finish_hint(*task, made);
    hints_made_ += made ? 1 : 0;
  }

  void append() {
    struct Planned {
      std::string head;
      std::string body;
    };
    std::vector<Planned> planned;
    const std::size_t items = 1 + below(3);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < items; ++i) {
      const std::string head = fmt::format("{:08}", number_ + i) + text(below(60));
      const std::size_t body = one_in(3) ? 0 : one_in(40) ? below(3 * segment_bytes_) : below(700);
      planned.push_back({head, text(body)});
      bytes += head.size() + planned.back().body.size();
    }
    const auto urgency = static_cast<Urgency>(below(3));
    const Position before = journal_->end();
    const auto reserved = journal_->reserve(Journal::record_bytes(items, bytes), urgency);
    ASSERT_EQ(journal_->end(), before);
    if (!reserved) {
      ASSERT_NE(reserved.error().code(), Errc::corrupt) << reserved.error().message();
      return;
    }
    journal_->begin_record();
    const std::size_t first = entries_.size();
    for (const Planned& item : planned) {
      const Position position = journal_->add_item(item.head, item.body);
      entries_.push_back({position, 0, number_++, item.head, item.body});
    }
    const Position end = journal_->commit_record();
    for (std::size_t i = first; i < entries_.size(); ++i) entries_[i].record_end = end;
  }

  void start_sync() {
    if (auto task = journal_->start_sync()) tasks_.push_back({*task, std::nullopt});
  }

  void run_sync() {
    if (tasks_.empty()) return;
    Running& running = tasks_[below(tasks_.size())];
    if (!running.result) running.result = running.task.run();
  }

  void finish_sync() {
    if (tasks_.empty()) return;
    Running running = std::move(tasks_.front());
    tasks_.erase(tasks_.begin());
    if (!running.result) running.result = running.task.run();
    static_cast<void>(journal_->finish_sync(running.task, *running.result));
  }

  void check_positions() {
    ASSERT_LE(journal_->synced(), journal_->written());
    ASSERT_LE(journal_->written(), journal_->end());
    ASSERT_GE(journal_->synced(), synced_) << "what was durable is so no more";
    synced_ = journal_->synced();
    ASSERT_LE(journal_->disk_bytes(), disk_.used());
  }

  void read_some() {
    if (entries_.empty()) return;
    for (int i = 0; i < 4; ++i) {
      const Entry& entry = entries_[below(entries_.size())];
      const std::size_t expected = one_in(2) ? 0 : entry.head.size() + entry.body.size();
      auto item = journal_->read(entry.position, expected);
      if (entry.position < journal_->oldest()) {
        ASSERT_FALSE(item);
        continue;
      }
      if (!item && item.error().code() == Errc::internal) continue;  // an injected fault
      if (!item && !journal_->writable() && entry.position < journal_->written()) continue;
      ASSERT_TRUE(item) << item.error().message();
      ASSERT_EQ(item->head(), entry.head);
      ASSERT_EQ(item->body(), entry.body);
    }
  }

  void compact() {
    if (journal_->segments().size() < 2) return;
    if (one_in(3)) return journal_->drop_oldest();
    const SegmentInfo oldest = journal_->segments().front();
    std::vector<Position> seen;
    Position at = 0;
    do {
      auto scanned =
          journal_->scan_oldest(at, 1 + below(9000), [&](Position position, std::string_view head, std::string_view) {
            seen.push_back(position);
            EXPECT_EQ(entries_.at(index_of(position)).head, head);
            return Result<>{};
          });
      if (!scanned) {
        ASSERT_NE(scanned.error().code(), Errc::corrupt) << scanned.error().message();
        return;
      }
      at = *scanned;
    } while (at < oldest.end);
    std::vector<Position> expected;
    for (const Entry& entry : entries_) {
      if (entry.position >= oldest.begin && entry.position < oldest.end) expected.push_back(entry.position);
    }
    ASSERT_EQ(seen, expected);
    journal_->drop_oldest();
  }

  std::size_t index_of(Position position) {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), position,
                                        [](const Entry& entry, Position p) { return entry.position < p; });
    EXPECT_TRUE(found != entries_.end() && found->position == position) << "position " << position;
    return static_cast<std::size_t>(found - entries_.begin());
  }

  void set_faults() {
    const auto level = [&] { return one_in(3) ? static_cast<double>(below(100)) / 200 : 0.0; };
    faults_ = {};
    if (!one_in(3)) {
      faults_ = {.failed_sync = level(),
                 .failed_dir_sync = level(),
                 .failed_write = level() / 4,
                 .failed_read = level() / 4,
                 .failed_name = level() / 4,
                 .failed_remove = level(),
                 .short_io = level(),
                 .cold_read = level()};
    }
    disk_.set_faults(faults_);
  }

  /// The process or the machine dies, at this very call or a little later in mid-work.
  void interrupt() {
    if (!one_in(3)) return;
    if (one_in(4) && faults_.failed_sync == 0 && journal_->writable()) static_cast<void>(journal_->close());
    if (one_in(2)) {
      disk_.power_off_after(below(30));
      for (int i = 0; i < 12 && !testing::Test::HasFailure(); ++i) {
        one_in(3) ? static_cast<void>(journal_->sync()) : append();
        if (one_in(4) && disk_.powered()) compact();
      }
    }
    die();
    reopen();
  }

  void die() {
    synced_ = journal_->synced();
    kept_ = synced_;
    if (one_in(3)) {
      const bool broken = std::any_of(tasks_.begin(), tasks_.end(),
                                      [](const Running& running) { return running.result && !*running.result; });
      if (journal_->writable() && !broken) kept_ = journal_->written();
      journal_.reset();
      disk_.kill();
    } else {
      journal_.reset();
      disk_.crash();
    }
    tasks_.clear();
  }

  /// Opens, also when that is interrupted or fails a few times, and checks what is found.
  void reopen() {
    for (int tries = 0;; ++tries) {
      ASSERT_LT(tries, 100);
      disk_.set_faults(tries < 10 ? faults_ : SimFaults{});
      if (tries < 5 && one_in(4)) disk_.power_off_after(below(60));
      if (tries >= 10) disk_.set_bytes(std::uint64_t{1} << 20);
      Options options{.checkpoint = [this] { return checkpoint_now(); },
                      .segment_bytes = segment_bytes_,
                      .recent_bytes = 2000,
                      .unsynced_bytes = one_in(2) ? 1u << 20 : 3000u,
                      .held_bytes = 20'000,
                      .identity = 77};
      Found found;
      recovered_ = &found;
      auto opened = Journal::open(disk_, options, found);
      recovered_ = nullptr;
      if (opened) {
        const bool alive = disk_.powered();
        journal_ = std::move(*opened);
        if (alive) {
          disk_.power_off_after(SimDisk::kNoLimit);
          check_recovered(found);
          return;
        }
        journal_.reset();
      } else {
        ASSERT_NE(opened.error().code(), Errc::corrupt) << opened.error().message();
        if (disk_.powered()) ASSERT_EQ(opened.error().code(), Errc::internal) << opened.error().message();
      }
      one_in(2) ? disk_.kill() : disk_.crash();
      // A crash after the death of a process that had only written: only what was synced is promised.
      kept_ = synced_;
    }
  }

  /// How many items lie before the end: what a checkpoint tells.
  std::string checkpoint_now() {
    if (recovered_ == nullptr) return fmt::format("{}", number_);
    if (!recovered_->items.empty())
      return fmt::format("{}", std::stoull(recovered_->items.back().head.substr(0, 8)) + 1);
    return recovered_->checkpoints.empty() ? fmt::format("{}", number_) : recovered_->checkpoints.back().text;
  }

  void check_recovered(const Found& found) {
    ASSERT_GE(journal_->end(), kept_) << "bytes are lost";
    // The model forgets what the crash took.
    while (!entries_.empty() && entries_.back().position >= journal_->end()) {
      ASSERT_GE(entries_.back().record_end, kept_ + 1) << "item " << entries_.back().number << " is lost";
      entries_.pop_back();
    }
    if (!entries_.empty()) {
      number_ = entries_.back().number + 1;
      ASSERT_LE(entries_.back().record_end, journal_->end()) << "half a record";
    }
    ASSERT_LE(found.items.size(), entries_.size());
    const std::size_t first = entries_.size() - found.items.size();
    for (std::size_t i = 0; i < found.items.size(); ++i) {
      const Entry& entry = entries_[first + i];
      ASSERT_EQ(found.items[i].position, entry.position);
      ASSERT_EQ(found.items[i].head, entry.head);
      ASSERT_EQ(found.items[i].body_bytes, entry.body.size());
    }
    if (first > 0) {
      ASSERT_LE(entries_[first - 1].position, journal_->oldest()) << "an item in the middle is lost";
    }
    if (found.items.empty() && !found.checkpoints.empty()) number_ = std::stoull(found.checkpoints.back().text);
    check_checkpoints(found);
    synced_ = journal_->synced();
  }

  void check_checkpoints(const Found& found) {
    for (const auto& [as_of, text] : found.checkpoints) {
      const auto after =
          std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.position >= as_of; });
      const std::uint64_t expected = after == entries_.end() ? number_ : after->number;
      ASSERT_EQ(text, fmt::format("{}", expected)) << "as of " << as_of;
    }
  }

  /// Without faults and with room everything works again.
  void settle() {
    faults_ = {};
    disk_.set_faults({});
    disk_.set_bytes(std::uint64_t{8} << 20);
    ASSERT_TRUE(journal_->try_resume()) << journal_->trouble();
    append();
    ASSERT_TRUE(journal_->sync());
    ASSERT_EQ(journal_->synced(), journal_->end());
    while (journal_->segments().size() > 3) {
      const auto before = journal_->segments().size();
      compact();
      ASSERT_LT(journal_->segments().size(), before);
      append();
      ASSERT_TRUE(journal_->sync());
    }
    ASSERT_TRUE(journal_->sync());
    const auto report = verify(disk_);
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(report->end, journal_->end());
    check_backup();
    die();
    reopen();
    check_positions();
  }

  void check_backup() {
    SimDisk target{1};
    const auto copied = backup(disk_, target);
    ASSERT_TRUE(copied) << copied.error().message();
    ASSERT_EQ(copied->end, journal_->end());
    target.crash();
    Found found;
    auto opened = Journal::open(target, {.checkpoint = [] { return ""; }, .segment_bytes = 8192}, found);
    ASSERT_TRUE(opened) << opened.error().message();
    ASSERT_EQ((*opened)->end(), journal_->end());
  }

  std::mt19937_64 random_;
  SimDisk disk_;
  SimFaults faults_;
  std::uint64_t segment_bytes_;
  std::unique_ptr<Journal> journal_;
  std::vector<Running> tasks_;
  std::vector<Entry> entries_;  // all that was appended and not lost, in order
  std::uint64_t number_ = 0;
  Position synced_ = 0;
  Position kept_ = 0;  // must be there after the next opening
  Found* recovered_ = nullptr;
  std::uint64_t hints_made_ = 0;
};

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(JournalSimulation, EverySeedKeepsWhatWasSynced) {
  const std::uint64_t only = setting("CW_SIM_SEED", 0);
  const std::uint64_t seeds = only != 0 ? only : setting("CW_SIM_SEEDS", 1000);
  std::uint64_t hints = 0;
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(fmt::format("CW_SIM_SEED={}", seed));
    History history{seed};
    history.run();
    hints += history.hints_made();
    if (HasFailure()) return;
  }
  if (only == 0) EXPECT_GT(hints, 0u);
}

}  // namespace
}  // namespace coworker::journal
