#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"
#include "journal/disk.h"
#include "journal/position.h"

/// The bytes of a segment file; docs/store-format.md has the whole picture. All numbers are little-endian.
///
///   segment  header block (a multiple of 4096 bytes), then records without gaps; the rest is no record
///   header   0 magic · 8 u32 version · 12 u32 header bytes · 16 u32 required features · 20 u32 optional features
///            24 u32 needed program (major<<16|minor) · 28 u32 checkpoint bytes · 32 u64 identity · 40 u64 base
///            48 u64 serial · 56 u64 as_of · 64 u64 synced · 72 u64 checkpoint sum · 80 u64 sum of bytes 0…79
///            88 zero · 96 checkpoint, opaque
///   record   0 u32 bytes, all of it · 4 u8 0xC7 · 5 u8 flags (1: mark) · 6 u16 zero · 8 u64 sum
///            16 u64 mark, if flagged: all before this position was synced · then items
///   item     0 u32 head bytes · 4 u32 body bytes · head · u64 body sum, if there is a body · body
///
/// A file's byte at `header bytes + n` is the journal's byte at position `base + n`. All sums of records are
/// seeded with identity and position, so that bytes left over from another use of the blocks never pass.
/// The first 96 bytes keep their meaning in every version.
namespace coworker::journal {

static_assert(std::endian::native == std::endian::little, "the format is written as it lies in memory");

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint32_t kRequiredFeatures = 0;         // known ones
inline constexpr std::uint32_t kNeededProgram = 0 << 16 | 1;  // 0.1 reads what this version writes
inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kFixedHeader = 96;
inline constexpr std::size_t kRecordHeader = 16;
inline constexpr std::size_t kMarkBytes = 8;
inline constexpr std::size_t kItemHeader = 8;
inline constexpr std::size_t kBodySum = 8;
inline constexpr std::uint8_t kRecordMagic = 0xC7;
inline constexpr std::uint8_t kMarked = 1;

template <class Number>
Number load(const std::byte* from) {
  Number value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Number>
void save(std::byte* to, Number value) {
  std::memcpy(to, &value, sizeof value);
}

// ---- segments -------------------------------------------------------------------------------------

struct SegmentHeader {
  std::uint64_t header_bytes = 0;
  std::uint64_t identity = 0;
  Position base = 0;
  std::uint64_t serial = 0;  // grows with each segment made; a segment voids what older ones hold from its base on
  Position as_of = 0;
  Position synced = 0;
  std::string checkpoint;
};

/// The header block that a checkpoint of that size takes.
std::uint64_t header_block_bytes(std::size_t checkpoint_bytes);

/// The header block; sets `header.header_bytes`.
std::string encode_header(SegmentHeader& header);

/// The sum of the first 80 bytes, as it stands behind them.
std::uint64_t header_sum(const std::byte* header);

/// Reads and checks the header block of a segment file. `corrupt` when it is damaged; `invalid_argument`, with
/// the version needed, when a newer program wrote it.
Result<SegmentHeader> read_header(File& file, const std::string& name);

/// "00000000000f4240.seg", by base position.
std::string segment_name(Position base);
/// nullopt when it is not such a name.
std::optional<Position> parse_segment_name(std::string_view name);

// ---- records --------------------------------------------------------------------------------------

inline std::uint64_t record_seed(std::uint64_t identity, Position position) {
  return identity ^ (position * 0x9E3779B97F4A7C15u);
}

/// Adds an item to the running sum of its record's heads.
inline std::uint64_t chain(std::uint64_t sum, std::uint64_t head_sum, std::uint64_t body_sum) {
  return (std::rotl(sum, 27) ^ head_sum) * 0x9FB21C651E98DF25u + body_sum;
}

struct ItemView {
  Position position = 0;
  Bytes head;
  Bytes body;
  std::uint64_t bytes = 0;  // of the whole item
};

struct RecordView {
  Position position = 0;
  std::uint32_t bytes = 0;
  Position mark = 0;
  Bytes items;
  Bytes whole;

  Position end() const { return position + bytes; }
  Position items_begin() const { return position + (bytes - items.size()); }
};

enum class Parsed {
  record,   // checked
  partial,  // the bytes given end before the record does
  invalid,  // no record stands here
};

/// Looks at the bytes from `position` on and checks the record there.
Parsed parse_record(Bytes bytes, Position position, std::uint64_t identity, RecordView& record);

/// The size that the record's header claims, which may be nonsense; nullopt when it is no header of a record.
std::optional<std::uint32_t> claimed_bytes(Bytes bytes);

/// The item at the begin of `items`, which a check has found well-formed.
ItemView next_item(Bytes items, Position position);

// An item read for itself, by its position.
struct ItemFrame {
  std::uint32_t head_bytes = 0;
  std::uint32_t body_bytes = 0;

  std::uint64_t bytes() const {
    return kItemHeader + std::uint64_t{head_bytes} + (body_bytes > 0 ? kBodySum + std::uint64_t{body_bytes} : 0);
  }
};

/// Requires kItemHeader bytes.
ItemFrame item_frame(Bytes bytes);

/// Whether head and body match the body's sum. An item without body has no sum of its own and always passes.
bool item_matches(Bytes item, Position position, std::uint64_t identity);

}  // namespace coworker::journal
