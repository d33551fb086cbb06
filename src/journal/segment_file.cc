#include "journal/segment_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/pin.h"

namespace coworker::journal {
namespace {

constexpr std::size_t kFirstRead = 1024;

}  // namespace

SegmentFile::SegmentFile(std::unique_ptr<File> file, std::string name, std::uint64_t identity, Position base,
                         std::uint64_t header_bytes)
    : file_{std::move(file)}, name_{std::move(name)}, identity_{identity}, base_{base}, header_bytes_{header_bytes} {}

Result<> SegmentFile::data_sync() {
  const std::lock_guard lock{sync_mutex_};
  if (sync_failure_) return tl::unexpected{*sync_failure_};
  auto synced = file_->data_sync();
  if (!synced) sync_failure_ = synced.error();
  return synced;
}

Error SegmentFile::damaged(Position position, std::string_view what) const {
  return Error{Errc::corrupt,
               fmt::format("segment '{}' is damaged at offset {}: {}", name_, offset_of(position), what)};
}

std::optional<Item> unpack_item(Bytes bytes, Position position, std::uint64_t identity) {
  if (!item_matches(bytes, position, identity)) return std::nullopt;
  const ItemView view = next_item(bytes, position);
  std::string joined;
  joined.reserve(view.head.size() + view.body.size());
  joined.append(as_text(view.head)).append(as_text(view.body));
  return Item{std::move(joined), view.head.size()};
}

/// `read(offset, bytes)` fills all of `bytes` or returns false.
template <class Read>
Result<std::optional<Item>> SegmentFile::read_with(Position position, Position limit, std::size_t expected, Read read) {
  if (limit < position + kItemHeader) return tl::unexpected{damaged(position, "no item stands here")};
  const std::uint64_t most = limit - position;
  const std::uint64_t guess = expected == 0 ? kFirstRead : kItemHeader + kBodySum + std::uint64_t{expected};
  auto size = static_cast<std::size_t>(std::min(most, guess));
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(size);
  Result<bool> complete = read(offset_of(position), MutableBytes{bytes.get(), size});
  if (!complete) return tl::unexpected{complete.error()};
  if (!*complete) return std::optional<Item>{};

  const std::uint64_t whole = item_frame({bytes.get(), size}).bytes();
  if (whole > most) return tl::unexpected{damaged(position, "no item stands here")};
  if (whole > size) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(whole));
    std::memcpy(larger.get(), bytes.get(), size);
    complete =
        read(offset_of(position) + size, MutableBytes{larger.get() + size, static_cast<std::size_t>(whole) - size});
    if (!complete) return tl::unexpected{complete.error()};
    if (!*complete) return std::optional<Item>{};
    bytes = std::move(larger);
  }
  auto item = unpack_item({bytes.get(), static_cast<std::size_t>(whole)}, position, identity_);
  if (!item) return tl::unexpected{damaged(position, "bad checksum of an item")};
  return item;
}

Result<Item> SegmentFile::read_item(Position position, Position limit, std::size_t expected) {
  auto item = read_with(position, limit, expected, [&](std::uint64_t offset, MutableBytes bytes) -> Result<bool> {
    const auto count = read_up_to(*file_, offset, bytes);
    if (!count) return tl::unexpected{count.error()};
    return *count == bytes.size();
  });
  if (!item) return tl::unexpected{item.error()};
  if (!*item) return tl::unexpected{damaged(position, "the file ends within an item")};
  return std::move(**item);
}

Result<std::optional<Item>> SegmentFile::read_item_nowait(Position position, Position limit, std::size_t expected) {
  return read_with(position, limit, expected, [&](std::uint64_t offset, MutableBytes bytes) -> Result<bool> {
    while (!bytes.empty()) {
      const auto count = file_->pread_nowait(offset, bytes);
      if (!count) return tl::unexpected{count.error()};
      if (!*count || **count == 0) return false;
      offset += **count;
      bytes = bytes.subspan(**count);
    }
    return true;
  });
}

Result<Item> Pin::read(std::size_t expected) const {
  return file_->read_item(item_, limit_, expected);
}

}  // namespace coworker::journal
