#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "job/command.h"
#include "journal/disk.h"
#include "store/embedded/history_file.h"

namespace coworker::store {

/// What happened to jobs, for people: events under their job's id, in order, in files of their own beside the journal.
/// Bounded by size and age, the oldest go first. It never stands in the way of the jobs: nothing waits for its disk,
/// on a full disk it gives up its oldest files, then new events.
///
/// Thread safety: the store's thread; a Search runs on any. The disk outlives both.
class History {
 public:
  struct Options {
    std::uint64_t bytes = std::uint64_t{1} << 30;  // at most, and at most a sixteenth of the disk; 0: nothing is kept
    Millis age{7 * 86'400'000};                    // older files are removed
    std::uint64_t file_bytes = 4u << 20;
    std::int64_t (*wall_clock)() = wall_millis;
    std::function<void(log::Level, const std::string&)> log = [](log::Level, const std::string&) {};
  };

  /// A question that has been asked, and where its answer is. Reads files.
  class Search {
   public:
    Result<job::HistoryPage> run() const;

   private:
    friend class History;

    Result<> add_events(std::uint32_t number, const std::vector<std::uint32_t>& offsets, std::uint64_t job,
                        job::HistoryPage& page) const;

    journal::Disk* disk_ = nullptr;
    job::History question_;
    std::vector<std::uint32_t> full_;  // numbers of files that have an index
    std::uint32_t open_number_ = 0;
    std::vector<std::uint32_t> open_offsets_;
  };

  static Result<std::unique_ptr<History>> open(journal::Disk& disk, Options options);

  bool keeps() const { return options_.bytes > 0; }

  /// They are written by the next `write_out`.
  void record(const job::Record& record);
  void write_out();

  Search search(job::History question);

  /// Removes files that are too old.
  void trim();

  std::uint64_t lost() const { return lost_; }

 private:
  struct Full {
    std::uint32_t number = 0;
    std::uint64_t bytes = 0;
    std::int64_t last_time = 0;
  };

  History(journal::Disk& disk, Options options) : disk_{disk}, options_{std::move(options)} {}

  Result<> find_files();
  Result<> finish_file(std::uint32_t number);
  Result<> begin_file();
  Result<> write_pending();
  void end_file();
  bool drop_oldest();
  std::uint64_t bytes() const;

  journal::Disk& disk_;
  Options options_;
  std::deque<Full> full_;
  std::uint32_t next_number_ = 1;
  std::unique_ptr<journal::File> file_;  // that is written to; null before the first event
  std::uint32_t number_ = 0;
  std::uint64_t size_ = 0;
  history::Index index_;
  std::vector<history::Event> pending_;
  std::uint64_t lost_ = 0;
  bool troubled_ = false;
};

}  // namespace coworker::store
