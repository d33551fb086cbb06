#include "store/embedded/history.h"

#include <algorithm>
#include <set>

namespace coworker::store {
namespace {

constexpr std::uint64_t kShareOfDisk = 16;  // of a disk at most one part in so many
constexpr std::uint64_t kFilesAtLeast = 16;
constexpr std::uint64_t kSmallestFile = 64u << 10;
constexpr std::size_t kMostPageBytes = 8u << 20;

std::uint64_t cursor_of(std::uint32_t number, std::uint32_t offset) {
  return std::uint64_t{number} << 32 | offset;
}

}  // namespace

Result<std::unique_ptr<History>> History::open(journal::Disk& disk, Options options) {
  std::unique_ptr<History> history{new History{disk, std::move(options)}};
  if (auto found = history->find_files(); !found) return tl::unexpected{found.error()};
  return history;
}

Result<> History::find_files() {
  auto names = disk_.list();
  if (!names) return tl::unexpected{names.error()};
  std::set<std::uint32_t> logs;
  for (const std::string& name : *names) {
    const auto number = history::number_of(name);
    if (!number) continue;
    next_number_ = std::max(next_number_, *number + 1);
    if (name == history::log_name(*number)) logs.insert(*number);
  }
  for (const std::uint32_t number : logs) {
    // A file that cannot be read costs what it held, not the store.
    if (auto finished = finish_file(number); !finished) options_.log(log::Level::warning, finished.error().message());
  }
  if (const auto space = disk_.space()) options_.bytes = std::min(options_.bytes, space->total / kShareOfDisk);
  options_.file_bytes = std::clamp(options_.bytes / kFilesAtLeast, kSmallestFile, options_.file_bytes);
  while (bytes() > options_.bytes && drop_oldest()) {
  }
  trim();
  return {};
}

/// Counts a file in, with an index made if it has none that is good.
Result<> History::finish_file(std::uint32_t number) {
  auto log = disk_.open(history::log_name(number));
  if (!log) return tl::unexpected{log.error()};
  const auto size = (*log)->size();
  if (!size) return tl::unexpected{size.error()};
  auto last_time = history::read_last_time(disk_, number);
  if (!last_time) {
    auto index = history::scan_log(**log, number);
    if (!index) return tl::unexpected{index.error()};
    last_time = index->last_time;
    if (auto written = history::write_index(disk_, number, std::move(*index)); !written) return written;
  }
  full_.push_back({number, *size, *last_time});
  return {};
}

std::uint64_t History::bytes() const {
  std::uint64_t sum = size_;
  for (const Full& each : full_) sum += each.bytes;
  return sum;
}

bool History::drop_oldest() {
  if (full_.empty()) return false;
  const std::uint32_t number = full_.front().number;
  full_.pop_front();
  for (const std::string& name : {history::index_name(number), history::log_name(number)}) {
    if (auto removed = disk_.remove(name); !removed) options_.log(log::Level::warning, removed.error().message());
  }
  return true;
}

void History::trim() {
  const std::int64_t oldest = options_.wall_clock() - options_.age.count();
  while (!full_.empty() && full_.front().last_time < oldest) drop_oldest();
}

void History::record(const job::Record& record) {
  if (!keeps()) return;
  const std::int64_t now = options_.wall_clock();
  for (const job::Record::Item& item : record.items) {
    pending_.push_back({history::job_hash(to_string(item.id)), now, item.event});
  }
}

Result<> History::begin_file() {
  auto space = disk_.space();
  if (!space) return tl::unexpected{space.error()};
  while (space->free < space->total / kShareOfDisk && drop_oldest()) {
    space = disk_.space();
    if (!space) return tl::unexpected{space.error()};
  }
  if (space->free < space->total / kShareOfDisk) return fail(Errc::resource_exhausted, "the disk is nearly full");
  number_ = next_number_++;
  auto file = disk_.create(history::log_name(number_));
  if (!file) return tl::unexpected{file.error()};
  file_ = std::move(*file);
  size_ = history::kLogHeader;
  index_ = {};
  return journal::write_all(*file_, 0, journal::as_bytes(history::encode_log_header(number_)));
}

void History::end_file() {
  if (!file_) return;
  full_.push_back({number_, size_, index_.last_time});
  file_ = nullptr;
  size_ = 0;
  if (auto written = history::write_index(disk_, number_, std::move(index_)); !written) {
    options_.log(log::Level::warning, written.error().message());
  }
  while (bytes() > options_.bytes && drop_oldest()) {
  }
  trim();
}

Result<> History::write_pending() {
  if (!file_) {
    if (auto begun = begin_file(); !begun) {
      file_ = nullptr;
      return begun;
    }
  }
  std::string bytes;
  std::vector<history::Mark> marks;
  for (const history::Event& event : pending_) {
    const std::uint64_t offset = size_ + bytes.size();
    marks.push_back({static_cast<std::uint32_t>(event.job >> 32), static_cast<std::uint32_t>(offset)});
    bytes += history::encode_event(number_, offset, event);
  }
  if (auto written = journal::write_all(*file_, size_, journal::as_bytes(bytes)); !written) return written;
  size_ += bytes.size();
  index_.marks.insert(index_.marks.end(), marks.begin(), marks.end());
  index_.last_time = pending_.back().time;
  return {};
}

void History::write_out() {
  if (pending_.empty()) return;
  auto written = write_pending();
  if (!written && drop_oldest()) written = write_pending();
  if (!written) {
    lost_ += pending_.size();
    if (!troubled_) options_.log(log::Level::warning, "the history loses events: " + written.error().message());
  }
  troubled_ = !written;
  pending_.clear();
  if (size_ >= options_.file_bytes) end_file();
}

History::Search History::search(job::History question) {
  write_out();
  Search search;
  search.disk_ = &disk_;
  for (const Full& each : full_) search.full_.push_back(each.number);
  const auto part = static_cast<std::uint32_t>(history::job_hash(to_string(question.id)) >> 32);
  if (file_) {
    search.open_number_ = number_;
    for (const history::Mark& mark : index_.marks) {
      if (mark.job == part) search.open_offsets_.push_back(mark.offset);
    }
  }
  search.question_ = std::move(question);
  return search;
}

Result<> History::Search::add_events(std::uint32_t number, const std::vector<std::uint32_t>& offsets, std::uint64_t job,
                                     job::HistoryPage& page) const {
  if (offsets.empty()) return {};
  auto log = disk_->open(history::log_name(number));
  if (!log) return tl::unexpected{log.error()};
  std::size_t bytes = 0;
  for (const std::string& event : page.events) bytes += event.size();
  for (const std::uint32_t offset : offsets) {
    if (cursor_of(number, offset) <= question_.after) continue;
    if (page.events.size() >= question_.count || bytes > kMostPageBytes) return {};
    auto event = history::read_event(**log, number, offset);
    if (!event) return tl::unexpected{event.error()};
    if (!*event || (*event)->job != job) continue;  // of a job whose hash begins alike
    bytes += (*event)->text.size();
    page.events.push_back(std::move((*event)->text));
    page.cursor = cursor_of(number, offset);
  }
  return {};
}

Result<job::HistoryPage> History::Search::run() const {
  const std::uint64_t job = history::job_hash(to_string(question_.id));
  const auto first = static_cast<std::uint32_t>(question_.after >> 32);
  job::HistoryPage page;
  page.cursor = question_.after;
  for (const std::uint32_t number : full_) {
    if (number < first) continue;
    const std::uint32_t after = number == first ? static_cast<std::uint32_t>(question_.after) : 0;
    const auto offsets = history::look_up(*disk_, number, job, after);
    auto added = offsets ? add_events(number, *offsets, job, page) : Result<>{tl::unexpected{offsets.error()}};
    // It may have become too old meanwhile.
    if (!added && added.error().code() != Errc::not_found) return tl::unexpected{added.error()};
  }
  if (auto added = add_events(open_number_, open_offsets_, job, page); !added) {
    if (added.error().code() != Errc::not_found) return tl::unexpected{added.error()};
  }
  return page;
}

}  // namespace coworker::store
