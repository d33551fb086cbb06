#include "store/embedded/core.h"

#include <sys/random.h>

#include <algorithm>

#include "base/check.h"
#include "store/embedded/cost.h"
#include "store/embedded/records.h"
#include "store/embedded/spool.h"

namespace coworker::store {
namespace {

using Wait = engine::Effects::Wait;

constexpr std::size_t kCommitSlice = 10'000;
constexpr int kReliefSlices = 64;                           // of compaction, at once, when the disk is full
constexpr std::uint64_t kUnnamed = std::uint64_t{1} << 63;  // tickets of claims that do not block
constexpr Millis kWallJump{86'400'000};
constexpr Millis kGrace{600'000};

std::uint64_t kernel_random() {
  std::uint64_t value = 0;
  CW_CHECK(::getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

}  // namespace

Core::Core(journal::Disk& disk, Options options) : options_{std::move(options)}, disk_{disk} {
  if (options_.random == nullptr) options_.random = kernel_random;
  if (!options_.elsewhere) {
    options_.elsewhere = [](std::function<void()> work, std::function<void()> then) {
      work();
      then();
    };
  }
  if (!options_.log) options_.log = [](log::Level, const std::string&) {};
}

Core::~Core() = default;

Result<std::unique_ptr<Core>> Core::open(journal::Disk& disk, Options options) {
  std::unique_ptr<Core> core{new Core{disk, std::move(options)}};
  if (auto done = core->recover(); !done) return tl::unexpected{done.error()};
  return core;
}

Result<> Core::recover() {
  if (auto locked = disk_.lock(); !locked) return locked;
  auto meta = begin_epoch(disk_, options_.random);
  if (!meta) return tl::unexpected{meta.error()};
  meta_ = *meta;
  state_ = std::make_unique<engine::State>(meta_.mint());
  journal::Options options;
  options.checkpoint = [this] {
    if (journal_) state_->begin_part(journal_->end());
    return state_->checkpoint();
  };
  options.segment_bytes = options_.segment_bytes;
  options.identity = meta_.secret;
  auto opened = journal::Journal::open(disk_, std::move(options), *this);
  if (!opened) return tl::unexpected{opened.error()};
  journal_ = std::move(*opened);
  state_->begin_part(journal_->end());
  compactor_ = std::make_unique<Compactor>(*state_, *journal_);

  if (auto adopted = adopt_spool(disk_, *journal_, *state_); !adopted) {
    options_.log(log::Level::warning,
                 "jobs added without an owner stay in the spool for now: " + adopted.error().message());
  } else if (*adopted > 0) {
    options_.log(log::Level::info,
                 "took over " + std::to_string(*adopted) + " jobs that were added while nobody served the store");
  }
  const Time last = state_->now();
  const Time wall{options_.wall_clock()};
  const Time start = std::max(last, wall);
  boot_origin_ = start.ms - options_.boot_clock();
  Time expire_from{};
  if (state_->jobs() > 0 && last.ms > 0 && start - last > kWallJump) {
    expire_from = start + kGrace;
    options_.log(log::Level::warning,
                 "the clock is " + std::to_string((start - last).count() / 1000) +
                     " s past the store's last record; nothing expires for 10 minutes, in case it is wrong");
  }
  state_->start(meta_.epoch, start, expire_from);
  return {};
}

Result<> Core::checkpoint(journal::Position as_of, journal::Bytes bytes) {
  state_->begin_part(as_of);
  return state_->restore_checkpoint(as_of, journal::as_text(bytes));
}

Result<> Core::item(journal::Position position, journal::Bytes head, std::uint32_t body_bytes) {
  return state_->replay(position, journal::as_text(head), body_bytes);
}

Time Core::now() const {
  return Time{options_.boot_clock() + boot_origin_};
}

job::StoreTotals Core::totals() const {
  job::StoreTotals totals = state_->totals();
  totals.disk = journal_->disk_bytes();
  totals.writable = journal_->writable();
  totals.trouble = journal_->trouble();
  return totals;
}

// ---- commands ---------------------------------------------------------------------------------------

Result<> Core::reserve(std::size_t bytes, std::uint64_t wakes, journal::Urgency urgency) {
  const std::size_t all = kFactBytes + bytes + std::min(wakes, state_->wanted()) * kFactBytes;
  auto room = journal_->reserve(all, urgency);
  if (room || room.error().code() != Errc::resource_exhausted) return room;
  compactor_->press();
  if (urgency == journal::Urgency::normal) return room;
  // An ack must not wait for the next tick to be given the room that earlier acks have freed.
  for (int slices = 0; slices < kReliefSlices && !room && compactor_->wants(); ++slices) {
    if (!compactor_->slice() || !journal_->sync()) break;
    room = journal_->reserve(all, urgency);
  }
  return room;
}

void Core::apply(job::Command&& command, Done done) {
  if (closed_) return done(fail(Errc::unavailable, "the store is closed"));
  if (auto* purge = std::get_if<job::Purge>(&command)) {
    purge->upto = state_->last_key();
    purges_.push_back({std::move(*purge), 0, std::move(done)});
    if (purges_.size() == 1) purge_slice();
    return;
  }
  const bool blocking_claim = name_claim(command);
  const Cost cost = cost_of(command, *state_);
  if (cost.bytes > 0) {
    const auto urgency = adds_to_the_store(command) ? journal::Urgency::normal : journal::Urgency::vital;
    if (auto room = reserve(cost.bytes, cost.wakes, urgency); !room) {
      // Whatever keeps the disk from taking it: the caller is not to blame.
      return done(fail(Errc::resource_exhausted, "store '" + disk_.where() + "': " + room.error().message()));
    }
  }
  effects_.clear();
  if (auto valid = state_->apply(command, now(), effects_); !valid) return done(tl::unexpected{valid.error()});
  append();
  if (const auto* added = std::get_if<job::Added>(&effects_.answer);
      added != nullptr && added->outcome == job::Added::Outcome::created) {
    adds_.emplace_back(journal_->end(), state_->last_key());
  }
  if (std::holds_alternative<job::Totals>(command)) effects_.answer = totals();
  if (!effects_.answered) {
    claims_.emplace(blocking_claim ? std::get<job::Claim>(command).ticket : unnamed_tickets_, std::move(done));
    answer_served();
    return;
  }
  settle(acknowledges(command), std::move(done));
}

/// A claim that does not block may still have to wait for a commit, under a name of our own.
bool Core::name_claim(job::Command& command) {
  auto* claim = std::get_if<job::Claim>(&command);
  if (claim == nullptr || claim->blocking) return claim != nullptr;
  claim->ticket = unnamed_tickets_ = kUnnamed | (unnamed_tickets_ + 1);
  return false;
}

void Core::append() {
  if (effects_.items.empty()) return;
  journal_->begin_record();
  if (state_->now() > journaled_time_) {
    journaled_time_ = state_->now();
    clock_fact_.clear();
    engine::encode_clock(journaled_time_, clock_fact_);
    journal_->add_item(clock_fact_);
  }
  std::string_view facts = effects_.facts;
  for (const engine::Effects::Item& item : effects_.items) {
    state_->placed(item, journal_->add_item(facts.substr(0, item.size), item.body));
    facts.remove_prefix(item.size);
  }
  journal_->commit_record();
}

// ---- answers ----------------------------------------------------------------------------------------

void Core::settle(bool acknowledges, Done done) {
  Wait wait = effects_.wait;
  if (wait == Wait::written && acknowledges && options_.sync_acks) wait = Wait::synced;
  if (const auto* added = std::get_if<job::Added>(&effects_.answer);
      added != nullptr && wait == Wait::synced && options_.sync_adds) {
    adds_after_sync_.push_back({journal_->end(), std::move(done), *added});
    return answer_served();
  }
  std::vector<engine::Effects::Served> served = std::move(effects_.served);
  read_then_park(std::move(effects_.answer), effects_.records, wait, std::move(done));
  answer_waiting(std::move(served));
}

void Core::answer_served() {
  answer_waiting(std::move(effects_.served));
}

void Core::answer_waiting(std::vector<engine::Effects::Served> served) {
  for (engine::Effects::Served& each : served) {
    const auto waiting = claims_.find(each.ticket);
    CW_CHECK(waiting != claims_.end());
    Done done = std::move(waiting->second);
    claims_.erase(waiting);
    const Wait wait = each.claimed.jobs.empty() ? Wait::nothing : each.synced ? Wait::synced : Wait::written;
    read_then_park(std::move(each.claimed), each.records, wait, std::move(done));
  }
}

/// Fetches the bodies now, while their segments are surely there; from the disk only where it must. `records` is used
/// before anybody else gets a say.
void Core::read_then_park(job::Answer&& answer, const std::vector<journal::Position>& records, Wait wait, Done done) {
  if (!options_.sync_adds && wait == Wait::synced) wait = Wait::written;
  Parked parked{journal_->end(), std::move(done), std::move(answer), {}};
  std::vector<std::pair<std::size_t, journal::Pin>> far;
  for (std::size_t i = 0; i < records.size() && !parked.failure; ++i) {
    auto near = journal_->read_nowait(records[i]);
    if (near && *near) {
      parked.failure = fill(parked.answer, i, **near);
      continue;
    }
    auto pin = near ? journal_->pin(records[i]) : Result<journal::Pin>{tl::unexpected{near.error()}};
    if (pin)
      far.emplace_back(i, std::move(*pin));
    else
      parked.failure = pin.error();
  }
  if (far.empty()) return park(std::move(parked), wait);
  auto shared = std::make_shared<Parked>(std::move(parked));
  ++reading_;
  options_.elsewhere(
      [shared, far = std::move(far)] {
        for (const auto& [index, pin] : far) {
          auto item = pin.read();
          if (!item)
            shared->failure = item.error();
          else if (auto failure = fill(shared->answer, index, {item->head(), item->body()}))
            shared->failure = failure;
        }
      },
      [this, shared, wait] {
        --reading_;
        park(std::move(*shared), wait);
      });
}

bool Core::reached(journal::Position at, Wait wait) const {
  if (wait == Wait::nothing) return true;
  if (wait == Wait::synced) return at <= journal_->synced();
  // While the disk cannot be written, what was acknowledged is held in memory: better to go on than to stop.
  return at <= journal_->written() || !journal_->writable();
}

void Core::park(Parked&& parked, Wait wait) {
  auto& line = wait == Wait::synced ? after_sync_ : after_write_;
  if (wait == Wait::nothing || (line.empty() && reached(parked.at, wait))) return finish(parked);
  line.push_back(std::move(parked));
}

void Core::finish(Parked& parked) {
  if (!parked.failure) return parked.done(std::move(parked.answer));
  options_.log(log::Level::warning, "reading a job's record failed: " + parked.failure->message());
  parked.done(tl::unexpected{*parked.failure});
}

void Core::drain(std::deque<Parked>& parked, Wait wait) {
  while (!parked.empty() && reached(parked.front().at, wait)) {
    Parked next = std::move(parked.front());
    parked.pop_front();
    finish(next);
  }
}

void Core::write_out() {
  const bool was_writable = journal_->writable();
  if (auto written = journal_->write_out(); !written && was_writable) {
    options_.log(log::Level::warning, "the store cannot be written and takes no adds: " + written.error().message());
  }
}

bool Core::commit_adds() {
  const journal::Position durable = options_.sync_adds ? journal_->synced() : journal_->written();
  std::size_t count = 0;
  while (count < adds_.size() && count < kCommitSlice && adds_[count].first <= durable) ++count;
  if (count == 0) return false;
  // Without room for the claims that this would serve, the jobs wait; room is tried again.
  if (!state_->nobody_waits() && !reserve(0, count, journal::Urgency::vital)) return false;
  const job::Key key = adds_[count - 1].second;
  adds_.erase(adds_.begin(), adds_.begin() + static_cast<std::ptrdiff_t>(count));
  effects_.clear();
  state_->commit(key, now(), effects_);
  append();
  answer_served();
  return true;
}

void Core::deliver() {
  while (commit_adds()) {
  }
  while (!adds_after_sync_.empty() && reached(adds_after_sync_.front().at, Wait::synced)) {
    const ParkedAdd next = std::move(adds_after_sync_.front());
    adds_after_sync_.pop_front();
    next.done(next.answer);
  }
  drain(after_sync_, Wait::synced);
  drain(after_write_, Wait::written);
}

void Core::close() {
  if (closed_) return;
  closed_ = true;
  auto claims = std::move(claims_);
  for (auto& [ticket, done] : claims) done(job::Claimed{});
  for (const Purging& purging : std::exchange(purges_, {})) {
    purging.done(fail(Errc::unavailable, "the store was closed in the middle of the purge"));
  }
  write_out();
  if (auto synced = journal_->close(); !synced)
    options_.log(log::Level::warning, "the last records are not synced: " + synced.error().message());
  deliver();
  const auto refuse = [](auto& parked) {
    for (auto& each : parked) each.done(fail(Errc::unavailable, "the store is closed and could not write this"));
    parked.clear();
  };
  refuse(adds_after_sync_);
  refuse(after_sync_);
  refuse(after_write_);
}

}  // namespace coworker::store
