#include "store/embedded/spool.h"

#include <sys/random.h>
#include <xxhash.h>

#include <functional>
#include <string_view>

#include "base/bytes.h"
#include "job/validate.h"
#include "store/embedded/meta.h"

namespace coworker::store {
namespace {

constexpr const char* kSpoolFile = "spool";
/// A register with the last key that was taken over, journaled with each: a spool that could not be
/// removed, or only partly be taken over, gives each job once. No caller's register begins with NUL.
constexpr std::string_view kAdopted{"\0spool", 6};
constexpr std::size_t kFrame = sizeof(std::uint32_t) + sizeof(std::uint64_t);

struct Spooled {
  std::string_view head;
  std::string_view body;
};

std::uint64_t kernel_random() {
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != sizeof value) return 0;
  return value;
}

/// Calls `visit` for each whole record and returns the end of the last one.
Result<std::uint64_t> walk(std::string_view bytes, const std::function<Result<>(const Spooled&)>& visit) {
  std::uint64_t at = sizeof(std::uint32_t);
  while (at + kFrame <= bytes.size()) {
    ByteReader frame{bytes.substr(at, kFrame)};
    const auto size = frame.get<std::uint32_t>();
    const auto sum = frame.get<std::uint64_t>();
    const std::string_view rest = bytes.substr(at + kFrame, size);
    if (rest.size() != size || size == 0 || XXH3_64bits_withSeed(rest.data(), rest.size(), at) != sum) break;
    ByteReader record{rest};
    const std::string_view head = record.text();
    if (auto visited = visit(Spooled{head, record.rest()}); !visited) return tl::unexpected{visited.error()};
    at += kFrame + size;
  }
  return at;
}

std::string encode_record(std::uint64_t at, std::string_view head, std::string_view body) {
  std::string rest;
  ByteWriter{rest}.text(head);
  rest.append(body);
  std::string record;
  ByteWriter{record}
      .put(static_cast<std::uint32_t>(rest.size()))
      .put(XXH3_64bits_withSeed(rest.data(), rest.size(), at));
  return record += rest;
}

Result<> append_at(journal::File& file, std::uint64_t at, std::string_view bytes) {
  if (auto written = journal::write_all(file, at, journal::as_bytes(bytes)); !written) return written;
  return file.data_sync();
}

std::string job_fact(const job::Add& add, job::Key key, std::uint16_t ttl_digits, Time now) {
  engine::JobFact fact;
  fact.state.key = key;
  fact.state.state = add.delay.count() > 0 ? job::State::scheduled : job::State::ready;
  fact.state.due = add.delay.count() > 0 ? (now + add.delay).ms : 0;
  fact.state.expires = static_cast<std::uint32_t>((now.ms + add.ttl.count() * 1000 + 999) / 1000);
  fact.retry = static_cast<std::uint32_t>(add.retry.count());
  fact.ttl_digits = ttl_digits;
  fact.created_ms = static_cast<std::uint64_t>(now.ms);
  fact.delay_ms = add.delay.count();
  fact.replicas = add.replicas;
  fact.bury_on_expiry = add.bury_on_expiry;
  fact.priority = add.priority;
  fact.queue = add.queue;
  fact.group = add.group;
  std::string head;
  engine::encode(fact, head);
  return head;
}

}  // namespace

Result<Spool> Spool::open(journal::Disk& disk) {
  if (auto locked = disk.lock(); !locked) return tl::unexpected{locked.error()};
  Spool spool;
  auto content = journal::read_small(disk, kSpoolFile);
  if (!content && content.error().code() != Errc::not_found) return tl::unexpected{content.error()};
  if (content && content->size() >= sizeof spool.epoch_) {
    auto meta_text = journal::read_small(disk, kMetaFile);
    if (!meta_text) return tl::unexpected{meta_text.error()};
    auto meta = parse_meta(*meta_text);
    if (!meta) return tl::unexpected{meta.error()};
    spool.mint_ = meta->mint();
    spool.epoch_ = ByteReader{*content}.get<std::uint32_t>();
    auto end = walk(*content, [&](const Spooled&) -> Result<> {
      ++spool.keys_;
      return {};
    });
    if (!end) return tl::unexpected{end.error()};
    spool.end_ = *end;
  } else {
    auto meta = begin_epoch(disk, kernel_random);
    if (!meta) return tl::unexpected{meta.error()};
    spool.mint_ = meta->mint();
    spool.epoch_ = meta->epoch;
    std::string header;
    ByteWriter{header}.put(spool.epoch_);
    if (auto made = journal::replace_small(disk, kSpoolFile, journal::as_bytes(header)); !made) {
      return tl::unexpected{made.error()};
    }
    spool.end_ = header.size();
  }
  auto file = disk.open(kSpoolFile);
  if (!file) return tl::unexpected{file.error()};
  spool.file_ = std::move(*file);
  // An unfinished record must not look whole together with what is written over its begin.
  if (auto cut = spool.file_->truncate(spool.end_); !cut) return tl::unexpected{cut.error()};
  return spool;
}

Result<job::JobId> Spool::add(const job::Add& add, Time now) {
  if (auto valid = job::validate(add, now); !valid) return tl::unexpected{valid.error()};
  if (!add.unique_key.empty() || !add.idempotency_key.empty() || !add.register_name.empty() || add.max_length != 0) {
    return fail(Errc::invalid_argument,
                "a job with a unique key, an idempotency key, a register or a maximal length "
                "cannot be spooled: it needs the store's index");
  }
  const job::Key key = engine::key_of(epoch_, keys_ + 1);
  const std::uint16_t ttl_digits = job::id_ttl(add.ttl.count(), add.retry.count() > 0);
  const std::string record = encode_record(end_, job_fact(add, key, ttl_digits, now), add.body);
  if (auto written = append_at(*file_, end_, record); !written) {
    return tl::unexpected{std::move(written.error()).wrap("spool a job for '" + add.queue + "'")};
  }
  end_ += record.size();
  ++keys_;
  return mint_.id(key, ttl_digits);
}

Result<std::uint64_t> adopt_spool(journal::Disk& disk, journal::Journal& journal, engine::State& state) {
  auto content = journal::read_small(disk, kSpoolFile);
  if (!content && content.error().code() == Errc::not_found) return 0;
  if (!content) return tl::unexpected{content.error()};
  std::uint64_t jobs = 0;
  std::string adopted;
  auto end = walk(*content, [&](const Spooled& spooled) -> Result<> {
    const auto fact = engine::decode_job(spooled.head);
    if (!fact) return tl::unexpected{fact.error()};
    const auto key = static_cast<std::uint64_t>(fact->state.key);
    if (key <= state.register_value(kAdopted)) return {};
    adopted.clear();
    engine::encode(engine::RegisterFact{key, kAdopted}, adopted);
    const std::size_t bytes =
        journal::Journal::record_bytes(2, spooled.head.size() + spooled.body.size() + adopted.size());
    if (auto room = journal.reserve(bytes, journal::Urgency::normal); !room) return room;
    journal.begin_record();
    const journal::Position at = journal.add_item(spooled.head, spooled.body);
    const journal::Position mark = journal.add_item(adopted);
    journal.commit_record();
    ++jobs;
    if (auto done = state.replay(at, spooled.head, static_cast<std::uint32_t>(spooled.body.size())); !done) return done;
    return state.replay(mark, adopted, 0);
  });
  if (!end) return tl::unexpected{end.error()};
  if (auto synced = journal.sync(); !synced) return tl::unexpected{synced.error()};
  if (auto removed = disk.remove(kSpoolFile); !removed) return tl::unexpected{removed.error()};
  if (auto synced = disk.sync_dir(); !synced) return tl::unexpected{synced.error()};
  return jobs;
}

}  // namespace coworker::store
