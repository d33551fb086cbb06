#include "journal/verify.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/chain.h"

namespace coworker::journal {
namespace {

constexpr int kTries = 20;  // a journal in use may change its files meanwhile
constexpr std::uint64_t kProgressEvery = std::uint64_t{16} << 20;

class Counter : public ChainVisitor {
 public:
  Counter(std::uint64_t total, const Progress& progress) : total_{total}, progress_{progress} {}

  Result<> segment(const FoundSegment& segment) override {
    if (report.segments == 0) report.begin = segment.header.base;
    ++report.segments;
    tell();
    return {};
  }

  Result<> record(const RecordView& record) override {
    ++report.records;
    report.bytes += record.bytes;
    Bytes items = record.items;
    while (!items.empty()) {
      ++report.items;
      items = items.subspan(static_cast<std::size_t>(item_frame(items).bytes()));
    }
    if (report.bytes - told_ >= kProgressEvery) tell();
    return {};
  }

  VerifyReport report;

 private:
  void tell() {
    told_ = report.bytes;
    if (progress_) progress_(std::min(report.bytes, total_), total_);
  }

  std::uint64_t total_;
  const Progress& progress_;
  std::uint64_t told_ = 0;
};

/// The chain, once all its files could be opened: the oldest may vanish while the directory is read.
Result<Chain> find_whole_chain(Disk& disk) {
  for (int tries = 1;; ++tries) {
    auto chain = find_chain(disk);
    if (chain || chain.error().code() != Errc::not_found || tries == kTries) return chain;
  }
}

struct Checked {
  Chain chain;
  ChainEnd end;
  VerifyReport report;
};

Result<Checked> check_once(Disk& disk, const Progress& progress) {
  auto chain = find_whole_chain(disk);
  if (!chain) return tl::unexpected{chain.error()};
  if (chain->segments.empty()) return fail(Errc::not_found, "there is no journal in '" + disk.where() + "'");
  std::uint64_t total = 0;
  for (const FoundSegment& segment : chain->segments) total += segment.bytes - segment.header.header_bytes;
  Counter counter{total, progress};
  const auto end = walk(disk, *chain, counter);
  if (!end) return tl::unexpected{end.error()};
  counter.report.end = end->end;
  if (progress) progress(total, total);
  return Checked{std::move(*chain), *end, counter.report};
}

/// Damage in a journal that is in use may be a record that was being written just then. It is believed when it
/// is found at the same place again.
Result<Checked> check(Disk& disk, const Progress& progress) {
  std::string before;
  for (;;) {
    auto checked = check_once(disk, progress);
    if (checked || checked.error().code() != Errc::corrupt || checked.error().message() == before) return checked;
    before = checked.error().message();
  }
}

Result<> copy_segment(const FoundSegment& segment, Position end, Disk& target,
                      const std::function<void(std::uint64_t)>& copied) {
  auto file = target.create(segment.file->name());
  if (!file) return tl::unexpected{file.error()};
  const std::uint64_t size = segment.file->offset_of(end);
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(size, std::uint64_t{1} << 20)));
  for (std::uint64_t at = 0; at < size;) {
    const MutableBytes part =
        MutableBytes{buffer}.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at)));
    const auto count = read_up_to(segment.file->file(), at, part);
    if (!count) return tl::unexpected{count.error()};
    if (*count < part.size())
      return fail(Errc::corrupt, fmt::format("segment '{}' ends at offset {}", segment.file->name(), at + *count));
    if (auto written = write_all(**file, at, part); !written) return written;
    at += part.size();
    copied(part.size());
  }
  return (*file)->data_sync();
}

}  // namespace

Result<VerifyReport> verify(Disk& disk, const Progress& progress) {
  auto checked = check(disk, progress);
  if (!checked) return tl::unexpected{checked.error()};
  return checked->report;
}

Result<VerifyReport> backup(Disk& source, Disk& target, const Progress& progress) {
  const auto names = target.list();
  if (!names) return tl::unexpected{names.error()};
  if (std::any_of(names->begin(), names->end(), [](const std::string& name) { return name != "lock"; })) {
    return fail(Errc::conflict, "back up to '" + target.where() + "': it is not empty");
  }
  // Opened files stay whole when the journal drops them; what is checked here is what is copied.
  auto checked = check(source, {});
  if (!checked) return tl::unexpected{checked.error()};
  std::uint64_t done = 0;
  const auto copied = [&](std::uint64_t bytes) {
    done += bytes;
    if (progress) progress(std::min(done, checked->report.bytes), checked->report.bytes);
  };
  for (std::size_t i = 0; i < checked->end.segments; ++i) {
    const FoundSegment& segment = checked->chain.segments[i];
    const Position end = std::min(segment.limit, checked->end.end);
    if (auto copy = copy_segment(segment, end, target, copied); !copy) return tl::unexpected{copy.error()};
  }
  if (auto synced = target.sync_dir(); !synced) return tl::unexpected{synced.error()};
  return verify(target);
}

}  // namespace coworker::journal
