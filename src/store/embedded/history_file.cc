#include "store/embedded/history_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"

namespace coworker::store::history {
namespace {

constexpr std::string_view kLogMagic = "CWHIST01";
constexpr std::string_view kIndexMagic = "CWHIDX01";
constexpr std::uint64_t kIndexHeader = 32;
constexpr std::uint32_t kMostText = 1u << 20;

std::uint64_t seed(std::uint32_t number, std::uint64_t offset) {
  return std::uint64_t{number} << 32 | offset;
}

journal::MutableBytes writable(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

Result<std::string> read_at(journal::File& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const auto got = journal::read_up_to(file, offset, writable(bytes));
  if (!got) return tl::unexpected{got.error()};
  bytes.resize(*got);
  return bytes;
}

struct IndexHead {
  std::uint64_t count = 0;
  std::int64_t last_time = 0;
  std::uint64_t sum = 0;
};

tl::unexpected<Error> damaged(std::uint32_t number) {
  return fail(Errc::corrupt, fmt::format("'{}' is damaged", index_name(number)));
}

Result<IndexHead> read_head(journal::File& file, std::uint32_t number) {
  const auto bytes = read_at(file, 0, kIndexHeader);
  if (!bytes) return tl::unexpected{bytes.error()};
  const auto size = file.size();
  if (!size) return tl::unexpected{size.error()};
  if (bytes->size() != kIndexHeader || !bytes->starts_with(kIndexMagic)) return damaged(number);
  ByteReader reader{std::string_view{*bytes}.substr(kIndexMagic.size())};
  IndexHead head;
  head.count = reader.get<std::uint64_t>();
  head.last_time = reader.get<std::int64_t>();
  head.sum = reader.get<std::uint64_t>();
  if (head.count > *size / sizeof(Mark) || *size != kIndexHeader + head.count * sizeof(Mark)) return damaged(number);
  return head;
}

std::string_view as_text(const std::vector<Mark>& marks) {
  return {reinterpret_cast<const char*>(marks.data()), marks.size() * sizeof(Mark)};
}

std::uint64_t sum_of(std::uint32_t number, const Index& index) {
  const std::string_view marks = as_text(index.marks);
  return XXH3_64bits_withSeed(marks.data(), marks.size(), number ^ static_cast<std::uint64_t>(index.last_time));
}

}  // namespace

std::uint64_t job_hash(std::string_view id) {
  return XXH3_64bits(id.data(), id.size());
}

std::string log_name(std::uint32_t number) {
  return fmt::format("history-{:08x}.log", number);
}

std::string index_name(std::uint32_t number) {
  return fmt::format("history-{:08x}.idx", number);
}

std::optional<std::uint32_t> number_of(std::string_view name) {
  constexpr std::string_view kPrefix = "history-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::uint32_t number = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), number, 16);
  if (name != log_name(number) && name != index_name(number)) return std::nullopt;
  return number;
}

std::string encode_log_header(std::uint32_t number) {
  std::string bytes{kLogMagic};
  ByteWriter{bytes}.put(std::uint64_t{number});
  return bytes;
}

std::string encode_event(std::uint32_t number, std::uint64_t offset, const Event& event) {
  std::string covered;
  ByteWriter{covered}.put(event.job).put(event.time);
  covered += event.text;
  std::string bytes;
  ByteWriter{bytes}
      .put(static_cast<std::uint32_t>(event.text.size()))
      .put(XXH3_64bits_withSeed(covered.data(), covered.size(), seed(number, offset)));
  return bytes += covered;
}

Result<std::optional<Event>> read_event(journal::File& log, std::uint32_t number, std::uint64_t offset) {
  const auto head = read_at(log, offset, kEventHeader);
  if (!head) return tl::unexpected{head.error()};
  if (head->size() != kEventHeader) return std::optional<Event>{};
  ByteReader reader{*head};
  const auto size = reader.get<std::uint32_t>();
  const auto sum = reader.get<std::uint64_t>();
  if (size == 0 || size > kMostText) return std::optional<Event>{};
  const auto covered = read_at(log, offset + kEventHeader - 16, 16 + size);
  if (!covered) return tl::unexpected{covered.error()};
  if (covered->size() != 16 + size ||
      XXH3_64bits_withSeed(covered->data(), covered->size(), seed(number, offset)) != sum) {
    return std::optional<Event>{};
  }
  Event event;
  event.job = reader.get<std::uint64_t>();
  event.time = reader.get<std::int64_t>();
  event.text = covered->substr(16);
  return std::optional{std::move(event)};
}

Result<Index> scan_log(journal::File& log, std::uint32_t number) {
  Index index;
  for (std::uint64_t offset = kLogHeader;;) {
    const auto event = read_event(log, number, offset);
    if (!event) return tl::unexpected{event.error()};
    if (!*event) return index;
    index.marks.push_back({static_cast<std::uint32_t>((*event)->job >> 32), static_cast<std::uint32_t>(offset)});
    index.last_time = (*event)->time;
    offset += kEventHeader + (*event)->text.size();
  }
}

Result<> write_index(journal::Disk& disk, std::uint32_t number, Index index) {
  std::sort(index.marks.begin(), index.marks.end());
  std::string bytes{kIndexMagic};
  ByteWriter{bytes}.put(std::uint64_t{index.marks.size()}).put(index.last_time).put(sum_of(number, index));
  bytes += as_text(index.marks);
  // Not synced: what is lost is made again.
  const std::string name = index_name(number);
  if (auto removed = disk.remove(name); !removed && removed.error().code() != Errc::not_found) return removed;
  auto file = disk.create(name);
  if (!file) return tl::unexpected{file.error()};
  return journal::write_all(**file, 0, journal::as_bytes(bytes));
}

Result<std::int64_t> read_last_time(journal::Disk& disk, std::uint32_t number) {
  auto file = disk.open(index_name(number));
  if (!file) return tl::unexpected{file.error()};
  const auto head = read_head(**file, number);
  if (!head) return tl::unexpected{head.error()};
  const auto bytes = read_at(**file, kIndexHeader, head->count * sizeof(Mark));
  if (!bytes) return tl::unexpected{bytes.error()};
  Index index;
  index.last_time = head->last_time;
  index.marks.resize(bytes->size() / sizeof(Mark));
  std::memcpy(index.marks.data(), bytes->data(), index.marks.size() * sizeof(Mark));
  if (sum_of(number, index) != head->sum) return damaged(number);
  return head->last_time;
}

Result<std::vector<std::uint32_t>> look_up(journal::Disk& disk, std::uint32_t number, std::uint64_t job,
                                           std::uint32_t after) {
  auto file = disk.open(index_name(number));
  if (!file) return tl::unexpected{file.error()};
  const auto head = read_head(**file, number);
  if (!head) return tl::unexpected{head.error()};
  const auto mark_at = [&](std::uint64_t place) -> Result<Mark> {
    const auto bytes = read_at(**file, kIndexHeader + place * sizeof(Mark), sizeof(Mark));
    if (!bytes) return tl::unexpected{bytes.error()};
    if (bytes->size() != sizeof(Mark)) return damaged(number);
    ByteReader reader{*bytes};
    const auto part = reader.get<std::uint32_t>();
    return Mark{part, reader.get<std::uint32_t>()};
  };
  const Mark wanted{static_cast<std::uint32_t>(job >> 32), after};
  std::uint64_t low = 0;
  for (std::uint64_t high = head->count; low < high;) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto mark = mark_at(middle);
    if (!mark) return tl::unexpected{mark.error()};
    *mark <= wanted ? low = middle + 1 : high = middle;
  }
  std::vector<std::uint32_t> offsets;
  for (; low < head->count; ++low) {
    const auto mark = mark_at(low);
    if (!mark) return tl::unexpected{mark.error()};
    if (mark->job != wanted.job) break;
    offsets.push_back(mark->offset);
  }
  return offsets;
}

}  // namespace coworker::store::history
