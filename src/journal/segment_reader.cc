#include "journal/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace coworker::journal {
namespace {

/// The position behind the file's last byte.
Result<Position> end_of_file(SegmentFile& segment) {
  const auto size = segment.file().size();
  if (!size) return tl::unexpected{size.error()};
  return segment.base() + (std::max(*size, segment.header_bytes()) - segment.header_bytes());
}

constexpr std::size_t kMarkedHead = 8;  // of a record: its size, and what shows that it has a mark

/// Where in `bytes`, which stand at `at`, a record with a mark stands, or may; the end if nowhere. The file may be full
/// of old ones, which stood elsewhere.
std::size_t find_marked(Bytes bytes, Position at, std::uint64_t identity) {
  constexpr std::string_view kPattern{"\xC7\x01\x00\x00", 4};
  constexpr std::size_t kBefore = kMarkedHead - kPattern.size();
  const std::string_view text = as_text(bytes);
  for (std::size_t found = text.find(kPattern, kBefore); found != std::string_view::npos;
       found = text.find(kPattern, found + 1)) {
    RecordView record;
    const std::size_t begin = found - kBefore;
    if (parse_record(bytes.subspan(begin), at + begin, identity, record) != Parsed::invalid) return begin;
  }
  return bytes.size();
}

}  // namespace

SegmentReader::SegmentReader(SegmentFile& segment, std::uint64_t identity, Position from, Position limit,
                             std::size_t buffer_bytes)
    : segment_{segment},
      identity_{identity},
      position_{from},
      limit_{limit},
      buffer_bytes_{std::max(buffer_bytes, kPage)},
      buffer_begin_{from} {}

Result<std::optional<RecordView>> SegmentReader::next() {
  for (;;) {
    if (position_ >= limit_) return std::optional<RecordView>{};
    RecordView record;
    switch (parse_record(buffered(), position_, identity_, record)) {
      case Parsed::invalid:
        return std::optional<RecordView>{};
      case Parsed::record:
        if (record.end() > limit_) return std::optional<RecordView>{};
        position_ = record.end();
        return std::optional{record};
      case Parsed::partial:
        if (const auto more = read_more(); !more) {
          return tl::unexpected{more.error()};
        } else if (!*more) {
          return std::optional<RecordView>{};
        }
    }
  }
}

/// Makes room for the record at position_ and fills the buffer; false when the file has no more.
Result<bool> SegmentReader::read_more() {
  if (!file_end_) {
    const auto end = end_of_file(segment_);
    if (!end) return tl::unexpected{end.error()};
    file_end_ = *end;
  }
  const std::size_t kept = held();
  std::uint64_t wanted = buffer_bytes_;
  if (const auto claimed = claimed_bytes(buffered())) {
    if (position_ + *claimed > std::min(*file_end_, limit_)) return false;
    wanted = std::max<std::uint64_t>(wanted, *claimed);
  }
  wanted = std::min(wanted, *file_end_ - std::min(*file_end_, position_));
  if (wanted <= kept) return false;

  const std::byte* const from = buffered().data();
  if (wanted > capacity_) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(wanted));
    if (kept > 0) std::memcpy(larger.get(), from, kept);
    buffer_ = std::move(larger);
    capacity_ = static_cast<std::size_t>(wanted);
  } else {
    std::memmove(buffer_.get(), from, kept);
  }
  buffer_begin_ = position_;
  buffer_used_ = kept;
  const auto count = read_up_to(segment_.file(), segment_.offset_of(position_ + kept),
                                {buffer_.get() + kept, static_cast<std::size_t>(wanted) - kept});
  if (!count) return tl::unexpected{count.error()};
  buffer_used_ += *count;
  return *count > 0;
}

Result<Position> highest_mark(SegmentFile& segment, std::uint64_t identity, Position from) {
  constexpr std::size_t kRead = std::size_t{1} << 20;
  const auto end = end_of_file(segment);
  if (!end) return tl::unexpected{end.error()};
  if (*end <= from) return 0;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kRead, *end - from));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(size);
  Position highest = 0;
  Position at = from + 1;
  while (at < *end) {
    const auto count = read_up_to(segment.file(), segment.offset_of(at), {buffer.get(), size});
    if (!count) return tl::unexpected{count.error()};
    const Bytes bytes{buffer.get(), *count};
    const std::size_t found = find_marked(bytes, at, identity);
    if (found == bytes.size()) {
      if (*count < size || *count < kMarkedHead) break;
      at += *count - (kMarkedHead - 1);
      continue;
    }
    at += found;
    SegmentReader reader{segment, identity, at, kNoLimit, std::size_t{64} << 10};
    for (;;) {
      const auto record = reader.next();
      if (!record) return tl::unexpected{record.error()};
      if (!*record) break;
      highest = std::max(highest, (*record)->mark);
    }
    at = std::max(at + 1, reader.position());
  }
  return highest;
}

}  // namespace coworker::journal
