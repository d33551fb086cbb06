#include "journal/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

#include "base/check.h"
#include "journal/chain.h"
#include "journal/hint.h"
#include "journal/segment_file.h"
#include "journal/segment_reader.h"

namespace coworker::journal {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t kLeastSegment = kMebibyte;
constexpr std::uint64_t kFirstSegment = 8 * kMebibyte;  // of a new store, so that a small one stays small
constexpr std::uint64_t kMostSegment = 64 * kMebibyte;
constexpr std::uint64_t kSegmentsPerDisk = 24;
constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr std::uint64_t kLittle = std::uint64_t{64} << 10;
constexpr int kTries = 4;
constexpr Position kFirstPosition = 1;  // so that 0 can mean "none"

std::uint64_t random_identity() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1;
}

/// Spares that must be left when a reservation of that urgency has been granted.
std::size_t kept_spares(Urgency urgency) {
  switch (urgency) {
    case Urgency::normal:
      return 2;
    case Urgency::vital:
      return 1;
    case Urgency::compaction:
      return 0;
  }
  return 2;
}

/// Hands what the chain holds to the owner.
class Replay : public ChainVisitor {
 public:
  explicit Replay(Recovery& recovery) : recovery_{recovery} {}

  Result<> segment(const FoundSegment& segment) override {
    hint_bytes.push_back(0);
    return recovery_.checkpoint(segment.header.as_of, as_bytes(segment.header.checkpoint));
  }

  Result<> record(const RecordView& record) override {
    Bytes items = record.items;
    Position position = record.items_begin();
    while (!items.empty()) {
      const ItemView item = next_item(items, position);
      hint_bytes.back() += kHintItem + item.head.size();
      auto taken = recovery_.item(position, item.head, static_cast<std::uint32_t>(item.body.size()));
      if (!taken) return taken;
      items = items.subspan(static_cast<std::size_t>(item.bytes));
      position += item.bytes;
    }
    return {};
  }

  bool takes_hints() const override { return true; }
  Result<> hinted_item(Position position, Bytes head, std::uint32_t body_bytes) override {
    return recovery_.item(position, head, body_bytes);
  }

  std::vector<std::uint64_t> hint_bytes;  // what hint files of the segments would take; 0 for those that have one

 private:
  Recovery& recovery_;
};

}  // namespace

Journal::Journal(Disk& disk, Options options, std::uint64_t identity, Position begin)
    : disk_{disk},
      options_{std::move(options)},
      identity_{identity},
      tail_{identity, begin, kChunk},
      spares_{disk},
      end_{begin},
      written_{begin},
      synced_{begin} {
  CW_CHECK(options_.checkpoint);
}

Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(Disk& disk, Options options, Recovery& recovery) {
  auto chain = find_chain(disk);
  if (!chain) return tl::unexpected{std::move(chain.error()).wrap("open the journal in '" + disk.where() + "'")};
  Replay replay{recovery};
  const auto end = walk(disk, *chain, replay);
  if (!end) return tl::unexpected{Error{end.error()}.wrap("open the journal in '" + disk.where() + "'")};

  std::uint64_t identity = chain->identity;
  Position synced = std::max(end->synced, kFirstPosition);
  if (chain->segments.empty()) {
    identity = options.identity != 0 ? options.identity : random_identity();
  } else {
    synced = std::max(synced, chain->segments.front().header.base);
    // A last segment with little in it is replaced as a whole, or each opening would leave one.
    const Position last = chain->segments[end->segments - 1].header.base;
    const std::uint64_t little = options.segment_bytes == 0 ? kLittle : std::min(kLittle, options.segment_bytes / 4);
    if (end->end - last <= little) synced = std::min(synced, last);
  }
  auto journal = std::unique_ptr<Journal>{new Journal{disk, std::move(options), identity, synced}};
  journal->want_hints(*chain, replay.hint_bytes);
  if (auto adopted = journal->adopt(std::move(*chain), *end); !adopted) return tl::unexpected{adopted.error()};
  return journal;
}

/// Takes over what was found. What was not surely synced is copied to a new segment, since a sync of the old file
/// may succeed falsely if one failed before.
Result<> Journal::adopt(Chain chain, const ChainEnd& end) {
  serial_ = chain.serial;
  for (std::size_t i = 0; i < end.segments; ++i) {
    FoundSegment& found = chain.segments[i];
    const Position stop = std::min(found.limit, end.end);
    if (stop > synced_) {
      SegmentReader reader{*found.file, identity_, std::max(found.header.base, synced_), stop};
      for (;;) {
        const auto record = reader.next();
        if (!record) return tl::unexpected{record.error()};
        if (!*record) break;
        tail_.append((*record)->whole);
      }
    }
    segments_.push_back({.file = found.file,
                         .base = found.header.base,
                         .end = stop,
                         .limit = stop,
                         .bytes = found.bytes,
                         .serial = found.header.serial,
                         .hint_bytes = found.hint_bytes});
  }
  end_ = written_ = tail_.end();
  if (!chain.segments.empty() && end_ != end.end) {
    return fail(Errc::corrupt,
                fmt::format("the journal in '{}' is damaged: what was synced ends at {}, within a record",
                            disk_.where(), synced_));
  }

  // From here on the directory changes: first what does not count gives its room back.
  void_names_ = std::move(chain.void_names);
  for (std::size_t i = end.segments; i < chain.segments.size(); ++i) {
    void_names_.push_back(chain.segments[i].file->name());
  }
  // The name of what makes them void may be as young as this process.
  if (!void_names_.empty() && disk_.sync_dir()) remove_void();
  if (!segments_.empty()) {
    Segment& last = segments_.back();
    const std::uint64_t used = last.file->offset_of(last.end);
    if (used < last.bytes && last.file->file().truncate(used)) last.bytes = used;
  }
  for (const std::string& name : chain.names) {
    if (Spares::is_spare(name)) spares_.adopt(name);
    if (is_hint(name) && !has_hint(name)) static_cast<void>(disk_.remove(name));
  }
  measure_segments();
  choose_sizes();
  if (auto started = replace_unsynced(); !started) trouble_ = started.error().message();
  return {};
}

void Journal::choose_sizes() {
  if (options_.segment_bytes != 0) {
    segment_bytes_ = most_bytes_ = std::max<std::uint64_t>(options_.segment_bytes, 2 * kPage);
  } else {
    const auto space = disk_.space();
    const std::uint64_t total = space ? space->total : 0;
    most_bytes_ = std::clamp(std::bit_floor(total / kSegmentsPerDisk), kLeastSegment, kMostSegment);
    segment_bytes_ = std::clamp(std::bit_ceil(disk_bytes() / 16), std::min(kFirstSegment, most_bytes_), most_bytes_);
  }
  // A spare segment must be able to take what is unsynced.
  options_.unsynced_bytes = std::min(options_.unsynced_bytes, most_bytes_ / 2);
}

// ---- room -------------------------------------------------------------------------------------------

bool Journal::keeps_room(Urgency urgency) const {
  const std::size_t kept = kept_spares(urgency);
  return spares_.count() >= kept && (kept == 0 || spares_.has_one_of(largest_));
}

Result<> Journal::reserve(std::size_t bytes, Urgency urgency) {
  if (!writable()) return hold_in_memory(bytes, urgency);
  // More than once only when a broken segment had to be replaced on the way.
  for (int tries = 0; end_ + bytes > segments_.back().limit || !keeps_room(urgency); ++tries) {
    auto room = tries < kTries ? make_room(bytes, urgency) : fail(Errc::unavailable, "new segments fail one by one");
    if (!room) {
      reserved_ = end_;
      // Trouble met on the way: what is vital need not wait for the disk.
      return writable() ? room : hold_in_memory(bytes, urgency);
    }
  }
  reserved_ = end_ + bytes;
  return {};
}

Result<> Journal::hold_in_memory(std::size_t bytes, Urgency urgency) {
  reserved_ = end_;
  if (urgency == Urgency::normal) return fail(Errc::unavailable, "the journal cannot be written: " + trouble_);
  if (end_ - synced_ + bytes > options_.held_bytes) {
    return fail(Errc::resource_exhausted, "too much waits in memory for the journal: " + trouble_);
  }
  reserved_ = end_ + bytes;
  return {};
}

Result<> Journal::make_room(std::size_t bytes, Urgency urgency) {
  const bool rolls = end_ + bytes > segments_.back().limit;
  std::string checkpoint;
  std::uint64_t needed = 0;
  if (rolls) {
    checkpoint = options_.checkpoint();
    needed = header_block_bytes(checkpoint.size()) + bytes;
  }
  const bool own_file = needed > segment_bytes_;
  const std::size_t count = kept_spares(urgency) + (rolls && !own_file ? 1 : 0);
  // Compaction must be able to copy whatever segment is the oldest one day.
  const std::uint64_t largest = urgency == Urgency::compaction ? 0 : std::max(largest_, own_file ? needed : 0);
  if (auto kept = spares_.keep(count, segment_bytes_, largest); !kept) return kept;
  if (!rolls) return {};
  // What compaction needs for a large segment has been set aside.
  return roll(std::move(checkpoint), needed, own_file && urgency != Urgency::compaction);
}

/// Ends the current segment at end_ and starts the next.
Result<> Journal::roll(std::string checkpoint, std::uint64_t least_bytes, bool own_file) {
  const std::uint64_t wished = std::max(segment_bytes_, least_bytes);
  auto spare = own_file ? spares_.make(least_bytes) : spares_.take(least_bytes, wished);
  if (!spare) return tl::unexpected{spare.error()};
  auto started = start_segment(std::move(*spare), end_, std::move(checkpoint));
  if (!started) return mend(started.error());
  if (segments_.back().base == end_) {
    // It holds nothing, and its name has gone to the new one.
    discard(segments_.back(), end_);
    segments_.pop_back();
  } else {
    segments_.back().end = end_;
    want_hint(segments_.back(), hint_bytes_);
  }
  hint_bytes_ = 0;
  segments_.push_back(std::move(*started));
  measure_segments();
  segment_bytes_ = std::min(most_bytes_, 2 * segment_bytes_);
  return {};
}

/// Makes the spare a segment: its header is synced before it gets its name, so that a segment whose header is
/// not whole is damage, never a crash.
Result<Segment> Journal::start_segment(Spare spare, Position base, std::string checkpoint) {
  SegmentHeader header;
  header.identity = identity_;
  header.base = base;
  header.serial = serial_ + 1;
  header.as_of = end_;
  header.synced = synced_;
  header.checkpoint = std::move(checkpoint);
  const std::string block = encode_header(header);
  const std::string name = segment_name(base);

  auto file = std::make_shared<SegmentFile>(std::move(spare.file), name, identity_, base, header.header_bytes);
  Result<> done = write_all(file->file(), 0, as_bytes(block));
  for (Position at = base; done && at < end_;) {
    const Bytes bytes = tail_.view(at, end_);
    done = write_all(file->file(), file->offset_of(at), bytes);
    at += bytes.size();
  }
  if (done) done = file->data_sync();
  if (done) done = disk_.rename(spare.name, name);
  if (!done) {
    static_cast<void>(disk_.remove(spare.name));
    return tl::unexpected{done.error()};
  }
  std::erase(void_names_, name);  // replaced
  ++serial_;
  ++names_changed_;
  return Segment{.file = file,
                 .base = base,
                 .end = kNoLimit,
                 .limit = base + (spare.bytes - header.header_bytes),
                 .bytes = spare.bytes,
                 .serial = serial_,
                 .made_here = true};
}

void Journal::measure_segments() {
  largest_ = 0;
  for (const Segment& segment : segments_) largest_ = std::max(largest_, segment.bytes);
}

// ---- appending ----------------------------------------------------------------------------------------

void Journal::begin_record() {
  const bool news = synced_ > marked_;
  tail_.begin_record(news ? synced_ : 0);
  if (news) marked_ = synced_;
}

Position Journal::add_item(std::string_view head, std::string_view body) {
  hint_bytes_ += kHintItem + head.size();
  return tail_.add_item(head, body);
}

Position Journal::commit_record() {
  end_ = tail_.commit_record();
  CW_CHECK(end_ <= reserved_);
  return end_;
}

}  // namespace coworker::journal
