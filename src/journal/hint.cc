#include "journal/hint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "journal/format.h"
#include "journal/segment_file.h"
#include "journal/segment_reader.h"
#include "journal/sums.h"

namespace coworker::journal {
namespace {

// A hint file: magic · u64 identity · u64 base · u64 end · u64 serial · u64 highest mark · items · u64 sum of all
// before. An item: u64 position · u32 head bytes · u32 body bytes · head.
constexpr std::string_view kMagic = "CWHINT01";
constexpr std::size_t kIdentityAt = 8, kBaseAt = 16, kEndAt = 24, kSerialAt = 32, kMarkAt = 40, kItemsAt = 48;
constexpr std::size_t kSumBytes = 8;

template <class Number>
void append_number(std::string& to, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  to.append(bytes, sizeof value);
}

void append_items(std::string& content, const RecordView& record) {
  Bytes items = record.items;
  Position position = record.items_begin();
  while (!items.empty()) {
    const ItemView item = next_item(items, position);
    append_number(content, position);
    append_number(content, static_cast<std::uint32_t>(item.head.size()));
    append_number(content, static_cast<std::uint32_t>(item.body.size()));
    content.append(as_text(item.head));
    items = items.subspan(static_cast<std::size_t>(item.bytes));
    position += item.bytes;
  }
}

bool belongs(Bytes content, const HintKey& key) {
  if (content.size() < kItemsAt + kSumBytes || as_text(content.first(kMagic.size())) != kMagic) return false;
  const std::byte* const bytes = content.data();
  const std::size_t summed = content.size() - kSumBytes;
  return load<std::uint64_t>(bytes + kIdentityAt) == key.identity && load<Position>(bytes + kBaseAt) == key.base &&
         load<Position>(bytes + kEndAt) == key.end && load<std::uint64_t>(bytes + kSerialAt) == key.serial &&
         load<std::uint64_t>(bytes + summed) == sum_of(content.first(summed), key.identity);
}

}  // namespace

std::string hint_name(Position base) {
  return fmt::format("{:016x}.hint", base);
}

bool is_hint(const std::string& name) {
  return name.ends_with(".hint") || name.ends_with(".hint.tmp");
}

Result<std::uint64_t> HintTask::run() const {
  std::string content{kMagic};
  append_number(content, key_.identity);
  append_number(content, key_.base);
  append_number(content, key_.end);
  append_number(content, key_.serial);
  append_number(content, Position{0});
  Position mark = 0;
  SegmentReader reader{*file_, key_.identity, key_.base, key_.end};
  while (reader.position() < key_.end) {
    const auto record = reader.next();
    if (!record) return tl::unexpected{record.error()};
    if (!*record) return tl::unexpected{file_->damaged(reader.position(), "bad record")};
    mark = std::max(mark, (*record)->mark);
    append_items(content, **record);
  }
  std::memcpy(content.data() + kMarkAt, &mark, sizeof mark);
  append_number(content, sum_of(as_bytes(content), key_.identity));
  if (auto made = replace_small(*disk_, hint_name(key_.base), as_bytes(content)); !made) {
    return tl::unexpected{made.error()};
  }
  return content.size();
}

Result<Hint> read_hint(Disk& disk, const HintKey& key, const HintedItem& take) {
  const auto content = read_small(disk, hint_name(key.base));
  if (!content || !belongs(as_bytes(*content), key)) return Hint{};
  const Bytes all = as_bytes(*content);
  Bytes items = all.subspan(kItemsAt, all.size() - kItemsAt - kSumBytes);
  while (items.size() >= kHintItem) {
    const auto position = load<Position>(items.data());
    const auto head_bytes = load<std::uint32_t>(items.data() + 8);
    const auto body_bytes = load<std::uint32_t>(items.data() + 12);
    if (auto taken = take(position, items.subspan(kHintItem, head_bytes), body_bytes); !taken) {
      return tl::unexpected{taken.error()};
    }
    items = items.subspan(kHintItem + head_bytes);
  }
  return Hint{.usable = true, .mark = load<Position>(all.data() + kMarkAt), .bytes = all.size()};
}

}  // namespace coworker::journal
