#include "journal/format.h"

#include <fmt/format.h>

#include <charconv>

#include "journal/sums.h"

namespace coworker::journal {
namespace {

constexpr std::string_view kMagic = "CWSEGMNT";

// Where what stands in the header.
constexpr std::size_t kVersionAt = 8, kHeaderBytesAt = 12, kRequiredAt = 16, kNeededAt = 24, kCheckpointBytesAt = 28,
                      kIdentityAt = 32, kBaseAt = 40, kSerialAt = 48, kAsOfAt = 56, kSyncedAt = 64,
                      kCheckpointSumAt = 72, kSumAt = 80;
constexpr Position kLastPosition = Position{1} << 62;
constexpr std::uint64_t kMostHeaderBytes = std::uint64_t{1} << 30;

tl::unexpected<Error> damaged_header(const std::string& name, std::string_view what) {
  return fail(Errc::corrupt, fmt::format("segment '{}' is damaged at offset 0: {}", name, what));
}

/// Checks a record's items and computes the sum of its heads; false when they are malformed.
bool check_items(const RecordView& record, std::uint64_t identity, std::uint64_t& sum) {
  Bytes rest = record.items;
  Position position = record.items_begin();
  while (!rest.empty()) {
    if (rest.size() < kItemHeader) return false;
    const ItemFrame frame = item_frame(rest);
    if (frame.bytes() > rest.size()) return false;
    const std::size_t heads = kItemHeader + frame.head_bytes;
    const std::uint64_t head_sum = sum_of(rest.first(heads), record_seed(identity, position));
    std::uint64_t body_sum = 0;
    if (frame.body_bytes > 0) {
      body_sum = load<std::uint64_t>(rest.data() + heads);
      if (sum_of(rest.subspan(heads + kBodySum, frame.body_bytes), head_sum) != body_sum) return false;
    }
    sum = chain(sum, head_sum, body_sum);
    rest = rest.subspan(static_cast<std::size_t>(frame.bytes()));
    position += frame.bytes();
  }
  return true;
}

}  // namespace

std::uint64_t header_block_bytes(std::size_t checkpoint_bytes) {
  return (kFixedHeader + checkpoint_bytes + kPage - 1) / kPage * kPage;
}

std::uint64_t header_sum(const std::byte* header) {
  return sum_of({header, kSumAt}, 0);
}

std::string encode_header(SegmentHeader& header) {
  header.header_bytes = header_block_bytes(header.checkpoint.size());
  std::string block(static_cast<std::size_t>(header.header_bytes), '\0');
  std::memcpy(block.data(), kMagic.data(), kMagic.size());
  auto* const bytes = reinterpret_cast<std::byte*>(block.data());
  save(bytes + kVersionAt, kFormatVersion);
  save(bytes + kHeaderBytesAt, static_cast<std::uint32_t>(header.header_bytes));
  save(bytes + kRequiredAt, kRequiredFeatures);
  save(bytes + kNeededAt, kNeededProgram);
  save(bytes + kCheckpointBytesAt, static_cast<std::uint32_t>(header.checkpoint.size()));
  save(bytes + kIdentityAt, header.identity);
  save(bytes + kBaseAt, header.base);
  save(bytes + kSerialAt, header.serial);
  save(bytes + kAsOfAt, header.as_of);
  save(bytes + kSyncedAt, header.synced);
  save(bytes + kCheckpointSumAt, sum_of(as_bytes(header.checkpoint), header.identity));
  save(bytes + kSumAt, header_sum(bytes));
  std::memcpy(bytes + kFixedHeader, header.checkpoint.data(), header.checkpoint.size());
  return block;
}

Result<SegmentHeader> read_header(File& file, const std::string& name) {
  std::byte fixed[kFixedHeader];
  const auto count = read_up_to(file, 0, fixed);
  if (!count) return tl::unexpected{count.error()};
  if (*count < kFixedHeader) return damaged_header(name, "the header is cut short");
  if (as_text({fixed, kMagic.size()}) != kMagic) return damaged_header(name, "it is no segment");
  if (load<std::uint64_t>(fixed + kSumAt) != header_sum(fixed)) return damaged_header(name, "bad checksum");

  const auto version = load<std::uint32_t>(fixed + kVersionAt);
  const auto unknown = load<std::uint32_t>(fixed + kRequiredAt) & ~kRequiredFeatures;
  if (version != kFormatVersion || unknown != 0) {
    const auto needed = load<std::uint32_t>(fixed + kNeededAt);
    return fail(Errc::invalid_argument,
                fmt::format("segment '{}' needs coworker {}.{} or later (format {}, unknown features {:#x})", name,
                            needed >> 16, needed & 0xFFFF, version, unknown));
  }
  SegmentHeader header;
  header.header_bytes = load<std::uint32_t>(fixed + kHeaderBytesAt);
  header.identity = load<std::uint64_t>(fixed + kIdentityAt);
  header.base = load<std::uint64_t>(fixed + kBaseAt);
  header.serial = load<std::uint64_t>(fixed + kSerialAt);
  header.as_of = load<std::uint64_t>(fixed + kAsOfAt);
  header.synced = load<std::uint64_t>(fixed + kSyncedAt);
  const auto checkpoint_bytes = load<std::uint32_t>(fixed + kCheckpointBytesAt);
  if (header.base > kLastPosition || header.synced > header.base || header.as_of < header.base) {
    return damaged_header(name, "its positions do not agree");
  }
  if (header.header_bytes != header_block_bytes(checkpoint_bytes) || header.header_bytes > kMostHeaderBytes) {
    return damaged_header(name, "its sizes do not agree");
  }
  const auto size = file.size();
  if (!size) return tl::unexpected{size.error()};
  if (*size < header.header_bytes) return damaged_header(name, "the header is cut short");
  header.checkpoint.resize(checkpoint_bytes);
  const auto read = read_up_to(file, kFixedHeader, std::as_writable_bytes(std::span{header.checkpoint}));
  if (!read) return tl::unexpected{read.error()};
  if (*read < checkpoint_bytes ||
      sum_of(as_bytes(header.checkpoint), header.identity) != load<std::uint64_t>(fixed + kCheckpointSumAt)) {
    return damaged_header(name, "bad checksum of the checkpoint");
  }
  return header;
}

std::string segment_name(Position base) {
  return fmt::format("{:016x}.seg", base);
}

std::optional<Position> parse_segment_name(std::string_view name) {
  if (name.size() != 20 || name.substr(16) != ".seg") return std::nullopt;
  Position base = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 16, base, 16);
  if (error != std::errc{} || end != name.data() + 16 || segment_name(base) != name) return std::nullopt;
  return base;
}

std::optional<std::uint32_t> claimed_bytes(Bytes bytes) {
  if (bytes.size() < kRecordHeader) return std::nullopt;
  const auto claimed = load<std::uint32_t>(bytes.data());
  const auto flags = load<std::uint8_t>(bytes.data() + 5);
  if (load<std::uint8_t>(bytes.data() + 4) != kRecordMagic || flags > kMarked ||
      load<std::uint16_t>(bytes.data() + 6) != 0) {
    return std::nullopt;
  }
  if (claimed < kRecordHeader + (flags & kMarked ? kMarkBytes : 0)) return std::nullopt;
  return claimed;
}

Parsed parse_record(Bytes bytes, Position position, std::uint64_t identity, RecordView& record) {
  if (bytes.size() < kRecordHeader) return Parsed::partial;
  const auto claimed = claimed_bytes(bytes);
  if (!claimed) return Parsed::invalid;
  if (*claimed > bytes.size()) return Parsed::partial;
  const bool marked = (load<std::uint8_t>(bytes.data() + 5) & kMarked) != 0;
  const std::size_t header = kRecordHeader + (marked ? kMarkBytes : 0);
  record.position = position;
  record.bytes = *claimed;
  record.mark = marked ? load<std::uint64_t>(bytes.data() + kRecordHeader) : 0;
  record.whole = bytes.first(*claimed);
  if (record.mark > position) return Parsed::invalid;
  record.items = bytes.subspan(header, *claimed - header);

  std::uint64_t sum = record_seed(identity, position);
  if (!check_items(record, identity, sum)) return Parsed::invalid;
  return record_sum(bytes.data(), record.mark, sum) == load<std::uint64_t>(bytes.data() + 8) ? Parsed::record
                                                                                             : Parsed::invalid;
}

ItemFrame item_frame(Bytes bytes) {
  return {.head_bytes = load<std::uint32_t>(bytes.data()), .body_bytes = load<std::uint32_t>(bytes.data() + 4)};
}

ItemView next_item(Bytes items, Position position) {
  const ItemFrame frame = item_frame(items);
  ItemView item;
  item.position = position;
  item.bytes = frame.bytes();
  item.head = items.subspan(kItemHeader, frame.head_bytes);
  if (frame.body_bytes > 0) item.body = items.subspan(kItemHeader + frame.head_bytes + kBodySum, frame.body_bytes);
  return item;
}

bool item_matches(Bytes item, Position position, std::uint64_t identity) {
  const ItemFrame frame = item_frame(item);
  if (frame.body_bytes == 0) return true;
  const std::size_t heads = kItemHeader + frame.head_bytes;
  const std::uint64_t head_sum = sum_of(item.first(heads), record_seed(identity, position));
  return sum_of(item.subspan(heads + kBodySum, frame.body_bytes), head_sum) == load<std::uint64_t>(item.data() + heads);
}

}  // namespace coworker::journal
