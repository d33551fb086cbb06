#include "journal/chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/hint.h"
#include "journal/segment_reader.h"

namespace coworker::journal {
namespace {

Result<FoundSegment> open_segment(Disk& disk, const std::string& name, Position base) {
  auto file = disk.open(name);
  if (!file) return tl::unexpected{file.error()};
  auto header = read_header(**file, name);
  if (!header) return tl::unexpected{header.error()};
  const auto size = (*file)->size();
  if (!size) return tl::unexpected{size.error()};
  if (header->base != base) {
    return fail(Errc::corrupt, fmt::format("segment '{}' is damaged at offset 0: it says that it begins at {:016x}",
                                           name, header->base));
  }
  FoundSegment found;
  found.file = std::make_shared<SegmentFile>(std::move(*file), name, header->identity, base, header->header_bytes);
  found.bytes = *size;
  found.header = std::move(*header);
  return found;
}

/// The highest mark behind a place where no record stands.
Result<Position> mark_behind(Chain& chain, std::size_t index, Position stop) {
  Position highest = chain.synced;
  for (std::size_t i = index; i < chain.segments.size(); ++i) {
    FoundSegment& segment = chain.segments[i];
    const Position from = i == index ? stop : segment.header.base - 1;
    const auto mark = highest_mark(*segment.file, chain.identity, from);
    if (!mark) return mark;
    highest = std::max(highest, *mark);
  }
  return highest;
}

}  // namespace

Result<Chain> find_chain(Disk& disk) {
  auto names = disk.list();
  if (!names) return tl::unexpected{names.error()};
  Chain chain;
  chain.names = std::move(*names);
  std::vector<FoundSegment> found;
  for (const std::string& name : chain.names) {
    const auto base = parse_segment_name(name);
    if (!base) continue;
    auto segment = open_segment(disk, name, *base);
    if (!segment) return tl::unexpected{segment.error()};
    found.push_back(std::move(*segment));
  }
  std::sort(found.begin(), found.end(),
            [](const FoundSegment& a, const FoundSegment& b) { return a.header.serial < b.header.serial; });
  for (FoundSegment& segment : found) {
    if (chain.serial != 0 && segment.header.identity != chain.identity) {
      return fail(Errc::corrupt, fmt::format("segment '{}' belongs to another store", segment.file->name()));
    }
    chain.identity = segment.header.identity;
    chain.serial = segment.header.serial;
    chain.synced = std::max(chain.synced, segment.header.synced);
    while (!chain.segments.empty() && chain.segments.back().header.base >= segment.header.base) {
      chain.void_names.push_back(chain.segments.back().file->name());
      chain.segments.pop_back();
    }
    chain.segments.push_back(std::move(segment));
  }
  for (std::size_t i = 0; i < chain.segments.size(); ++i) {
    chain.segments[i].limit = i + 1 < chain.segments.size() ? chain.segments[i + 1].header.base : kNoLimit;
  }
  return chain;
}

Result<ChainEnd> walk(Disk& disk, Chain& chain, ChainVisitor& visitor) {
  ChainEnd end{.end = 0, .synced = chain.synced, .segments = 0};
  for (std::size_t i = 0; i < chain.segments.size(); ++i) {
    FoundSegment& segment = chain.segments[i];
    ++end.segments;
    if (auto told = visitor.segment(segment); !told) return tl::unexpected{told.error()};
    if (segment.limit != kNoLimit && visitor.takes_hints()) {
      const HintKey key{chain.identity, segment.header.base, segment.limit, segment.header.serial};
      const auto hint = read_hint(disk, key, [&](Position position, Bytes head, std::uint32_t body_bytes) {
        return visitor.hinted_item(position, head, body_bytes);
      });
      if (!hint) return tl::unexpected{hint.error()};
      if (hint->usable) {
        segment.hint_bytes = hint->bytes;
        end.synced = std::max(end.synced, hint->mark);
        end.end = segment.limit;
        continue;
      }
    }
    SegmentReader reader{*segment.file, chain.identity, segment.header.base, segment.limit, std::size_t{4} << 20};
    for (;;) {
      const auto record = reader.next();
      if (!record) return tl::unexpected{record.error()};
      if (!*record) break;
      end.synced = std::max(end.synced, (*record)->mark);
      if (auto told = visitor.record(**record); !told) return tl::unexpected{told.error()};
    }
    end.end = reader.position();
    if (end.end == segment.limit) continue;

    const auto mark = mark_behind(chain, i, end.end);
    if (!mark) return tl::unexpected{mark.error()};
    if (std::max(*mark, end.synced) > end.end) {
      return tl::unexpected{segment.file->damaged(end.end, "bad record, although it was synced once")};
    }
    break;
  }
  return end;
}

}  // namespace coworker::journal
