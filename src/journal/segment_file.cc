#include "journal/segment_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "journal/pin.h"

namespace coworker::journal {
namespace {

constexpr std::size_t kFirstRead = 1024;

}  // namespace

SegmentFile::SegmentFile(std::shared_ptr<File> file, std::string name, std::uint64_t identity, Position base,
                         std::uint64_t header_bytes)
    : file_{std::move(file)}, name_{std::move(name)}, identity_{identity}, base_{base}, header_bytes_{header_bytes} {}

Result<> SegmentFile::data_sync() {
  const std::lock_guard lock{sync_mutex_};
  if (sync_failure_) return tl::unexpected{*sync_failure_};
  auto synced = file_->data_sync();
  if (!synced) sync_failure_ = synced.error();
  return synced;
}

bool SegmentFile::sync_has_failed() const {
  const std::lock_guard lock{sync_mutex_};
  return sync_failure_.has_value();
}

Error SegmentFile::damaged(Position position, std::string_view what) const {
  return Error{Errc::corrupt,
               fmt::format("segment '{}' is damaged at offset {}: {}", name_, offset_of(position), what)};
}

Result<NearItem> SegmentFile::check_item(Bytes bytes, Position position) const {
  if (!item_matches(bytes, position, identity_)) return tl::unexpected{damaged(position, "bad checksum of an item")};
  const ItemView view = next_item(bytes, position);
  return NearItem{as_text(view.head), as_text(view.body)};
}

Result<Item> SegmentFile::read_item(Position position, Position limit, std::size_t expected) {
  if (limit < position + kItemHeader) return tl::unexpected{damaged(position, "no item stands here")};
  const std::uint64_t most = limit - position;
  const std::uint64_t guess = expected == 0 ? kFirstRead : kItemHeader + kBodySum + std::uint64_t{expected};
  std::string bytes;
  const auto read_to = [&](std::uint64_t size) -> Result<> {
    const std::size_t before = bytes.size();
    bytes.resize(static_cast<std::size_t>(size));
    const MutableBytes rest = std::as_writable_bytes(std::span{bytes}).subspan(before);
    const auto count = read_up_to(*file_, offset_of(position) + before, rest);
    if (!count) return tl::unexpected{count.error()};
    if (*count < rest.size()) return tl::unexpected{damaged(position, "the file ends within an item")};
    return {};
  };
  if (auto done = read_to(std::min(most, guess)); !done) return tl::unexpected{done.error()};
  const std::uint64_t whole = item_frame(as_bytes(bytes)).bytes();
  if (whole > most) return tl::unexpected{damaged(position, "no item stands here")};
  if (whole > bytes.size()) {
    if (auto done = read_to(whole); !done) return tl::unexpected{done.error()};
  }
  const auto item = check_item(as_bytes(bytes).first(static_cast<std::size_t>(whole)), position);
  if (!item) return tl::unexpected{item.error()};
  return Item{std::string{item->head}.append(item->body), item->head.size()};
}

Result<Item> Pin::read(std::size_t expected) const {
  return file_->read_item(item_, limit_, expected);
}

}  // namespace coworker::journal
