#include "journal/read_ahead.h"

#include <algorithm>

namespace coworker::journal {
namespace {

constexpr std::size_t kOne = 1024;  // most items fit
constexpr std::size_t kMany = std::size_t{64} << 10;
constexpr std::size_t kKept = std::size_t{4} << 20;
constexpr Position kNear = kMany / 4;

}  // namespace

/// What is there of the item at `position` and behind it.
Bytes ReadAhead::held(Position position) const {
  if (position < begin_ || position >= begin_ + used_) return {};
  const auto offset = static_cast<std::size_t>(position - begin_);
  return {bytes_.get() + offset, used_ - offset};
}

Result<> ReadAhead::fill(SegmentFile& file, Position position, std::size_t bytes) {
  // One huge item does not keep its memory for ever.
  if (bytes > capacity_ || (capacity_ > kKept && bytes <= kMany)) {
    capacity_ = std::max(bytes, kMany);
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
  }
  begin_ = position;
  used_ = 0;
  while (used_ < bytes) {
    const auto count =
        file.file().pread_nowait(file.offset_of(position) + used_, {bytes_.get() + used_, bytes - used_});
    if (!count) return tl::unexpected{count.error()};
    if (!*count || **count == 0) return {};
    used_ += **count;
  }
  return {};
}

Result<std::optional<NearItem>> ReadAhead::read(SegmentFile& file, Position position, Position limit) {
  if (limit < position + kItemHeader) return tl::unexpected{file.damaged(position, "no item stands here")};
  const std::uint64_t most = limit - position;
  const bool in_order = position >= next_ && position - next_ <= kNear;
  std::uint64_t wanted = kItemHeader;
  for (const std::size_t guess : {in_order ? kMany : kOne, std::size_t{0}}) {
    const Bytes there = held(position);
    if (there.size() >= kItemHeader) wanted = item_frame(there).bytes();
    if (wanted > most) return tl::unexpected{file.damaged(position, "no item stands here")};
    if (there.size() >= wanted && there.size() >= kItemHeader) break;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, std::max<std::uint64_t>(wanted, guess)));
    if (auto filled = fill(file, position, size); !filled) return tl::unexpected{filled.error()};
  }
  const Bytes there = held(position);
  if (there.size() < kItemHeader || there.size() < item_frame(there).bytes()) return std::optional<NearItem>{};
  const auto item = file.check_item(there.first(static_cast<std::size_t>(item_frame(there).bytes())), position);
  if (!item) return tl::unexpected{item.error()};
  next_ = position + item_frame(there).bytes();
  return std::optional{*item};
}

}  // namespace coworker::journal
