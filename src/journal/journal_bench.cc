#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/check.h"
#include "base/fd.h"
#include "journal/journal.h"
#include "journal/open_disk.h"

// Appending and syncing against a bare write and fdatasync of as many bytes, and opening. The files go to a folder
// under TMPDIR, so that decides which disk is measured.
namespace coworker::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHead = 60;
constexpr std::size_t kBody = 200;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "coworker-bench-XXXXXX").string();
    CW_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string at(const char* name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

struct Counting : Recovery {
  Result<> checkpoint(Position, Bytes) override { return {}; }
  Result<> item(Position, Bytes head, std::uint32_t body_bytes) override {
    ++items;
    bytes += head.size() + body_bytes;
    return {};
  }
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
};

std::unique_ptr<Journal> open_journal(Disk& disk, Recovery& recovery) {
  auto journal = Journal::open(disk, {.checkpoint = [] { return "state"; }}, recovery);
  CW_CHECK(journal);
  return std::move(*journal);
}

void append(Journal& journal, std::int64_t records, std::size_t body_bytes = kBody) {
  static const std::string head(kHead, 'h');
  static const std::string bodies(std::size_t{1} << 20, 'b');
  const std::string_view body = std::string_view{bodies}.substr(0, body_bytes);
  for (std::int64_t i = 0; i < records; ++i) {
    CW_CHECK(journal.reserve(Journal::record_bytes(1, kHead + body_bytes), Urgency::normal));
    journal.begin_record();
    benchmark::DoNotOptimize(journal.add_item(head, body));
    journal.commit_record();
  }
}

/// Nothing lives long, so that the disk does not fill.
void drop_old(Journal& journal) {
  while (journal.segments().size() > 4) {
    journal.drop_oldest();
    CW_CHECK(journal.sync());
  }
}

void append_and_write(benchmark::State& state) {
  const Folder folder;
  auto disk = open_disk(folder.at("store"));
  Counting recovery;
  const auto journal = open_journal(**disk, recovery);
  for (auto _ : state) {
    append(*journal, state.range(0));
    CW_CHECK(journal->write_out());
    drop_old(*journal);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append_and_write)->Arg(1000)->UseRealTime();

void append_and_sync(benchmark::State& state) {
  const Folder folder;
  auto disk = open_disk(folder.at("store"));
  Counting recovery;
  const auto journal = open_journal(**disk, recovery);
  for (auto _ : state) {
    append(*journal, state.range(0));
    CW_CHECK(journal->sync());
    drop_old(*journal);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append_and_sync)->Arg(1)->Arg(1000)->Arg(10000)->UseRealTime();

/// The limit: as many bytes, to a file that grows.
void bare_write_and_fdatasync(benchmark::State& state) {
  const Folder folder;
  const Fd fd{::open(folder.at("file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)};
  const std::string bytes(static_cast<std::size_t>(state.range(0)) * Journal::record_bytes(1, kHead + kBody), 'b');
  off_t at = 0;
  for (auto _ : state) {
    CW_CHECK(::pwrite(fd.get(), bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size()));
    CW_CHECK(::fdatasync(fd.get()) == 0);
    at += static_cast<off_t>(bytes.size());
    if (at > (off_t{1} << 30)) {
      CW_CHECK(::ftruncate(fd.get(), 0) == 0);
      at = 0;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(bare_write_and_fdatasync)->Arg(1)->Arg(1000)->Arg(10000)->UseRealTime();

/// Records, bytes of each body, whether hint files are made.
void open_again(benchmark::State& state) {
  const Folder folder;
  auto disk = open_disk(folder.at("store"));
  {
    Counting recovery;
    const auto journal = open_journal(**disk, recovery);
    for (std::int64_t done = 0; done < state.range(0); done += 1000) {
      append(*journal, 1000, static_cast<std::size_t>(state.range(1)));
      CW_CHECK(journal->write_out());
    }
    CW_CHECK(journal->sync());
    if (state.range(2) != 0) {
      while (const auto task = journal->start_hint()) journal->finish_hint(*task, task->run());
    }
    CW_CHECK(journal->close());
  }
  for (auto _ : state) {
    Counting recovery;
    const auto journal = open_journal(**disk, recovery);
    CW_CHECK(recovery.items == static_cast<std::uint64_t>(state.range(0)));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(open_again)
    ->Args({1'000'000, 200, 0})
    ->Args({1'000'000, 200, 1})
    ->Args({1'000'000, 1'000, 0})
    ->Args({1'000'000, 1'000, 1})
    ->Args({20'000, 100'000, 0})
    ->Args({20'000, 100'000, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace coworker::journal
