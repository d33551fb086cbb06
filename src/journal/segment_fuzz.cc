#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "journal/found.h"
#include "journal/journal.h"
#include "journal/sim_disk.h"
#include "journal/sums.h"
#include "journal/verify.h"

// Segment files of any bytes. Input: one byte, then a file. With bit 0 of the byte the header and all sums are made
// right first, so that what lies behind the checksums is reached; with bit 1 the rest is a second segment.
namespace coworker::journal {
namespace {

constexpr std::uint64_t kIdentity = 7;

void mend_items(std::byte* items, std::size_t bytes, Position position, std::uint64_t& sum) {
  while (bytes >= kItemHeader) {
    const ItemFrame frame = item_frame({items, bytes});
    if (frame.bytes() > bytes) return;
    const std::size_t heads = kItemHeader + frame.head_bytes;
    const std::uint64_t head_sum = sum_of({items, heads}, record_seed(kIdentity, position));
    std::uint64_t body_sum = 0;
    if (frame.body_bytes > 0) {
      body_sum = sum_of({items + heads + kBodySum, frame.body_bytes}, head_sum);
      save(items + heads, body_sum);
    }
    sum = chain(sum, head_sum, body_sum);
    items += frame.bytes();
    bytes -= static_cast<std::size_t>(frame.bytes());
    position += frame.bytes();
  }
}

void mend_records(std::byte* record, std::size_t bytes, Position position) {
  while (bytes >= kRecordHeader) {
    auto claimed = load<std::uint32_t>(record);
    if (claimed < kRecordHeader || claimed > bytes) return;
    save(record + 4, kRecordMagic);
    const bool marked = (load<std::uint8_t>(record + 5) & kMarked) != 0 && claimed >= kRecordHeader + kMarkBytes;
    save(record + 5, static_cast<std::uint8_t>(marked ? kMarked : 0));
    save(record + 6, std::uint16_t{0});
    const std::size_t header = kRecordHeader + (marked ? kMarkBytes : 0);
    std::uint64_t sum = record_seed(kIdentity, position);
    mend_items(record + header, claimed - header, position + header, sum);
    save(record + 8, record_sum(record, marked ? load<Position>(record + kRecordHeader) : 0, sum));
    record += claimed;
    bytes -= claimed;
    position += claimed;
  }
}

void put(Disk& disk, Position base, std::uint64_t serial, bool mended, Bytes bytes) {
  std::string content{as_text(bytes)};
  if (mended) {
    mend_records(reinterpret_cast<std::byte*>(content.data()), content.size(), base);
    SegmentHeader header;
    header.identity = kIdentity;
    header.base = base;
    header.serial = serial;
    header.as_of = base;
    content.insert(0, encode_header(header));
  }
  CW_CHECK(replace_small(disk, segment_name(base), as_bytes(content)));
}

}  // namespace
}  // namespace coworker::journal

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coworker::journal;
  if (size == 0) return 0;
  SimDisk disk{1, 1 << 22};
  const Bytes bytes{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
  const bool mended = (data[0] & 1) != 0;
  const std::size_t first = (data[0] & 2) != 0 ? bytes.size() / 2 : bytes.size();
  put(disk, 1, 1, mended, bytes.first(first));
  if (first < bytes.size()) put(disk, 1 + first, 2, mended, bytes.subspan(first));

  const auto report = verify(disk);
  Found found;
  auto journal = Journal::open(disk, {.checkpoint = [] { return ""; }, .segment_bytes = 1 << 16}, found);
  if (!journal) {
    // Only opening looks where a mark points to.
    const bool forged = mended && journal.error().message().ends_with("within a record");
    CW_CHECK(!report || forged);
    return 0;
  }
  CW_CHECK(report.has_value());
  CW_CHECK(found.items.size() == report->items);
  CW_CHECK((*journal)->end() == report->end);
  for (const auto& seen : found.items) {
    const auto item = (*journal)->read(seen.position);
    CW_CHECK(item && item->head() == seen.head && item->body().size() == seen.body_bytes);
  }
  // What an opening has made is opened again to the same end.
  disk.crash();
  Found again;
  auto reopened = Journal::open(disk, {.checkpoint = [] { return ""; }, .segment_bytes = 1 << 16}, again);
  CW_CHECK(reopened.has_value());
  CW_CHECK(again.items.size() == found.items.size());
  return 0;
}
