#include "history.h"

#include <cstdio>
#include <utility>

#include "describe.h"

namespace coworker::simulation {
namespace {

// The core asks its clocks through plain functions; a history runs on one thread.
thread_local std::int64_t boot_now = 0;
thread_local std::int64_t wall_now = 0;
thread_local std::mt19937_64* identity_random = nullptr;

std::int64_t boot_clock() {
  return boot_now;
}
std::int64_t wall_clock() {
  return wall_now;
}
std::uint64_t identity() {
  return (*identity_random)();
}

constexpr std::uint64_t kSmallDisk = 4u << 20;
constexpr std::uint64_t kSegment = 64u << 10;

}  // namespace

History::History(std::uint64_t seed, bool verbose)
    : random_{seed},
      verbose_{verbose},
      ledger_{[this](std::string what) {
        say("FAULT " + what);
        faults_found_.push_back(std::move(what));
      }},
      disk_{seed * 31 + 7, kSmallDisk},
      sync_acks_{seed % 3 == 0} {
  boot_now = 1'000;
  wall_now = 1'700'000'000'000;
}

History::~History() {
  core_.reset();
}

void History::say(const std::string& text) const {
  if (verbose_) std::printf("%6lu %s\n", static_cast<unsigned long>(commands_), text.c_str());
}

bool History::open() {
  identity_random = &random_;
  store::Core::Options options;
  options.sync_acks = sync_acks_;
  options.segment_bytes = kSegment;
  options.boot_clock = boot_clock;
  options.wall_clock = wall_clock;
  options.random = identity;
  options.log = [this](log::Level, const std::string& text) { say("log: " + text); };
  auto core = store::Core::open(disk_, options);
  if (!core) {
    say("open: " + core.error().message());
    if (core.error().code() == Errc::corrupt && disk_.powered()) {
      faults_found_.push_back("the store cannot be opened: " + core.error().message());
    }
    return false;
  }
  core_ = std::move(*core);
  return true;
}

/// Starts the store again, perhaps failing on the way, until it stands.
void History::reopen() {
  for (int attempt = 0; !core_ && faults_found_.empty(); ++attempt) {
    if (attempt < 3 && chance(0.3)) disk_.power_off_after(below(60));
    if (attempt > 5) disk_.set_faults({});
    if (attempt > 20) disk_.set_bytes(disk_.used() + kSmallDisk);
    const bool opened = open() && disk_.powered();
    disk_.power_off_after(journal::SimDisk::kNoLimit);
    if (opened) return;
    core_.reset();
    disk_.crash();
    ledger_.power_failed();
    if (attempt > 50) return faults_found_.push_back("the store cannot be opened any more");
  }
}

void History::send(job::Command command, std::function<void(const Result<job::Answer>&)> heard,
                   std::function<void()> lost) {
  const std::uint64_t number = ++commands_;
  unanswered_[number] = std::move(lost);
  if (verbose_) say("send " + describe(command));
  const std::uint64_t life = life_;
  core_->apply(std::move(command), [this, number, life, heard = std::move(heard)](const Result<job::Answer>& answer) {
    // An answer of a process that is cut off from its disk's power is one of a dead process.
    if (life != life_ || !disk_.powered()) return;
    unanswered_.erase(number);
    if (verbose_)
      say("answer to " + std::to_string(number) + ": " + (answer ? describe(*answer) : answer.error().message()));
    heard(answer);
  });
}

void History::flush() {
  core_->write_out();
  core_->deliver();
}

template <class Answer>
std::optional<Answer> History::ask(const job::Command& command) {
  std::optional<Answer> got;
  send(
      command,
      [&](const Result<job::Answer>& answer) {
        if (!answer) return;
        if (const auto* value = std::get_if<Answer>(&*answer)) got = *value;
      },
      [] {});
  for (int i = 0; i < 8 && !got; ++i) {
    static_cast<void>(core_->journal().sync());
    flush();
  }
  return got;
}

void History::add() {
  job::Add add;
  add.queue = std::string(1, static_cast<char>('a' + below(3)));
  add.body = std::to_string(++bodies_) + std::string(below(chance(0.05) ? 20'000 : 300), 'x');
  add.retry = chance(0.2) ? Seconds{0} : Seconds{1 + below(30)};
  if (chance(0.2)) add.delay = Millis{1 + below(5'000)};
  if (chance(0.1)) add.ttl = Seconds{10 + below(60)};
  if (chance(0.15)) add.unique_key = std::to_string(below(3));
  if (chance(0.1)) {
    add.register_name = "r";
    add.register_value = registers_ += below(2);
    if (add.register_value == 0) add.register_value = ++registers_;
  }
  if (chance(0.1)) add.group = "g";
  add.priority = static_cast<std::int8_t>(below(2));
  add.bury_on_expiry = chance(0.3);
  const Time at = core_->now();
  const auto known_pause = ledger_.paused().find(add.queue);
  const bool paused = known_pause != ledger_.paused().end() && known_pause->second;
  send(
      add,
      [this, add, at, paused, sent_at = ledger_.events(), number = commands_ + 1](const Result<job::Answer>& answer) {
        if (!answer) {
          const Errc code = answer.error().code();
          if (code != Errc::resource_exhausted && code != Errc::unavailable && code != Errc::internal) {
            faults_found_.push_back("an add failed: " + answer.error().message());
          }
          return;
        }
        ++adds_heard_;
        const auto& added = std::get<job::Added>(*answer);
        // What expires is moved or gone; its fate is not followed further.
        job::Add known = add;
        known.ttl = add.bury_on_expiry ? Seconds{10 * 86'400} : add.ttl;
        ledger_.added(known, added, paused, sent_at, at);
        if (latest_purge_[add.queue] > number) ledger_.unanswered({added.id, {}});
      },
      [] {});
}

void History::claim() {
  job::Claim claim;
  claim.queues = {std::string(1, static_cast<char>('a' + below(3)))};
  if (chance(0.5)) claim.queues.emplace_back("c");
  if (chance(0.1)) claim.queues.emplace_back("failed-jobs");
  claim.count = static_cast<std::uint32_t>(1 + below(5));
  claim.blocking = chance(0.3);
  claim.wait = Millis{1 + below(5'000)};
  claim.fill = chance(0.5);
  claim.fair = chance(0.5);
  claim.lease = Millis{chance(0.3) ? 500 + below(5'000) : 0};
  claim.ticket = ++tickets_;
  if (chance(0.5)) claim.owner = owner_;
  const Millis lease = claim.lease;
  const Time at = core_->now();  // a lease begins when the job is taken, which is not before
  send(
      claim,
      [this, lease, at, owner = claim.owner, number = commands_ + 1](const Result<job::Answer>& answer) {
        if (!answer) return;
        for (const auto& job : std::get<job::Claimed>(*answer).jobs) {
          // Taken before the purge that removed it, and told after that.
          const auto removed = removed_by_.find(job.id.key);
          if (removed != removed_by_.end() && removed->second > number) continue;
          ledger_.delivered(job, lease, core_->journal().writable(), at, core_->now());
          ledger_.taken_for({job.id, job.token}, owner, owner != 0 && owner != owner_);
        }
      },
      [this, queues = claim.queues] { ledger_.unanswered_claim(queues); });
}

void History::answer() {
  job::JobRef ref;
  bool once = false;
  if (!ledger_.pick(random_(), ref, once)) return;
  job::Command command;
  job::Event how = job::Event::ack;
  Millis time{0};
  switch (below(6)) {
    case 0:
      how = job::Event::retry;
      time = Millis{below(3'000)};
      command = job::Retry{{{.job = ref, .delay = time, .crashed = chance(0.3), .reason = "it failed"}}};
      break;
    case 1:
      how = job::Event::release;
      command = job::Release{{ref}};
      break;
    case 2:
      how = job::Event::extend;
      time = Millis{chance(0.5) ? 0 : 1'000 + below(9'000)};
      command = job::Extend{{ref}, time};
      break;
    case 3:
      how = job::Event::bury;
      command = job::Bury{.items = {{.job = ref, .reason = "given up"}}};
      break;
    default:
      command = job::Ack{{ref}};
  }
  const Time at = core_->now();
  const Ledger::Sent sent = ledger_.sending_state(ref, at);
  ledger_.sending(ref, how, time, at);
  send(
      std::move(command),
      [this, ref, how, time, sent, at](const Result<job::Answer>& answer) {
        if (!answer) return ledger_.unanswered(ref);
        const bool safe = core_->journal().writable();
        ledger_.answered(ref, how, std::get<job::Statuses>(*answer).each.at(0), time, sent, safe, at);
      },
      [this, ref] { ledger_.unanswered(ref); });
}

void History::pause() {
  const std::string queue(1, static_cast<char>('a' + below(3)));
  const bool paused = chance(0.3);
  ledger_.unanswered_pause(queue);
  const std::uint64_t number = latest_pause_[queue] = commands_ + 1;
  send(
      job::SetQueue{.queue = queue, .pause_in = paused},
      [this, queue, paused, number](const Result<job::Answer>& answer) {
        if (answer && latest_pause_[queue] == number) ledger_.set_paused(queue, paused);
      },
      [this, queue] { ledger_.unanswered_pause(queue); });
}

void History::disown() {
  const std::uint64_t owner = owner_++;
  send(
      job::Disown{owner},
      [this, held = ledger_.disowning(owner)](const Result<job::Answer>& answer) {
        if (answer) promised_.push_back({.life = life_, .let_go = held});
      },
      [] {});
}

void History::move_dead() {
  job::JobId id;
  if (!ledger_.pick_dead(random_(), id)) return;
  job::MoveDead move;
  move.revive = chance(0.6);
  if (!move.revive || chance(0.5)) move.queue = chance(0.5) ? "a" : "graveyard";
  move.items.push_back({id, Seconds{chance(0.5) ? 0 : 10 * 86'400}});
  ledger_.moving(id);
  send(
      std::move(move),
      [this, id](const Result<job::Answer>& answer) {
        if (answer) ledger_.moved(id, std::get<job::Statuses>(*answer).each.at(0));
      },
      [] {});
}

void History::purge() {
  const std::string queue(1, static_cast<char>('a' + below(3)));
  latest_purge_[queue] = commands_ + 1;
  send(
      job::Purge{.queue = queue},
      [this, queue, removed = ledger_.purging(queue), number = commands_ + 1](const Result<job::Answer>& answer) {
        if (!answer) return;
        promised_.push_back({.life = life_, .purged = queue, .number = number, .removed = removed});
      },
      [] {});
}

void History::check_promises() {
  for (const Promised& each : std::exchange(promised_, {})) {
    if (each.life != life_ || !disk_.powered()) continue;
    if (!each.let_go.empty()) {
      const auto held = ask<job::Statuses>(job::Held{each.let_go});
      for (std::size_t i = 0; held && i < held->each.size(); ++i) {
        if (held->each[i] != job::Status::done) continue;
        faults_found_.push_back("job " + job::to_string(each.let_go[i].id) + " is still held by a disowned claim");
      }
    }
    for (const job::JobId& id : each.removed) {
      const auto view = ask<job::View>(job::Show{id});
      if (!disk_.powered()) return;
      if (view && view->queue == each.purged && view->origin.empty()) {
        faults_found_.push_back("job " + job::to_string(id) + " is there after the purge of its queue");
      }
      if (view) continue;
      ledger_.purged(id);
      removed_by_[id.key] = each.number;
    }
  }
}

void History::advance() {
  const auto by = static_cast<std::int64_t>(chance(0.8) ? below(2'000) : below(40'000));
  boot_now += by;
  wall_now += by;
  say("the time is " + std::to_string(core_->now().ms));
  static_cast<void>(core_->tick());
}

void History::commit() {
  core_->write_out();
  if (chance(0.7) && core_->journal().sync() && disk_.powered()) ledger_.synced();
  core_->deliver();
  flush();
}

/// As with a flusher thread: more arrives between the begin and the end of a sync.
void History::sync_in_steps() {
  core_->write_out();
  auto task = core_->journal().start_sync();
  if (!task) return;
  auto result = task->run();
  for (auto left = below(4); left > 0 && disk_.powered(); --left) chance(0.5) ? add() : answer();
  static_cast<void>(core_->journal().finish_sync(*task, std::move(result)));
  core_->deliver();
}

void History::fault() {
  journal::SimFaults faults;
  if (chance(0.5)) {
    faults.failed_sync = chance(0.5) ? 0.2 : 0;
    faults.failed_dir_sync = chance(0.3) ? 0.2 : 0;
    faults.failed_write = chance(0.3) ? 0.1 : 0;
    faults.failed_name = chance(0.2) ? 0.1 : 0;
    faults.short_io = chance(0.3) ? 0.3 : 0;
    faults.cold_read = chance(0.5) ? 0.5 : 0;
  }
  disk_.set_faults(faults);
  disk_.set_bytes(chance(0.3) ? disk_.used() + below(2 * kSegment) : kSmallDisk);
}

void History::die() {
  const bool power = chance(0.6);
  say(power ? "power fails" : "killed");
  if (power && chance(0.5)) {
    // In the middle of some work.
    disk_.power_off_after(1 + below(25));
    for (int i = 0; i < 12 && disk_.powered(); ++i) step();
  }
  ++life_;
  // A disk in trouble may have taken back what was written before.
  const bool trouble = !core_->journal().writable();
  core_.reset();
  const bool cut_off = !disk_.powered();
  power || cut_off ? disk_.crash() : disk_.kill();
  for (const auto& [number, lost] : unanswered_) lost();
  unanswered_.clear();
  power || cut_off || trouble ? ledger_.power_failed() : ledger_.process_died();
  if (chance(0.3)) wall_now += static_cast<std::int64_t>(below(7'200'000)) - 3'600'000;
  boot_now = chance(0.5) ? 500 : boot_now;
  reopen();
  if (!core_) return;
  check_counters();
}

void History::check_counters() {
  disk_.set_faults({});
  disk_.set_bytes(kSmallDisk * 16);
  recover_room();
  static_cast<void>(core_->journal().sync());
  flush();
  const auto totals = ask<job::StoreTotals>(job::Totals{});
  if (!totals) return faults_found_.push_back("the store does not answer");
  std::uint64_t seen = 0;
  std::uint64_t cursor = 0;
  do {
    const auto page = ask<job::Views>(job::ScanJobs{.cursor = cursor, .count = 1'000, .states = {}});
    if (!page) return faults_found_.push_back("a scan is not answered");
    seen += page->jobs.size();
    cursor = page->cursor;
  } while (cursor != 0);
  if (totals->ready + totals->scheduled + totals->leased != totals->jobs || seen != totals->jobs) {
    faults_found_.push_back("the counters do not add up: " + std::to_string(totals->jobs) + " jobs, " +
                            std::to_string(seen) + " seen");
  }
  for (const auto& [queue, paused] : ledger_.paused()) {
    const auto view = ask<job::QueueView>(job::QueueStat{queue});
    if (view ? view->pause_in != paused : paused) faults_found_.push_back("the pause of '" + queue + "' is not kept");
  }
}

/// There is room again: the store must come back by itself.
void History::recover_room() {
  for (int i = 0; i < 200 && !core_->journal().writable(); ++i) {
    boot_now += 1'000;
    wall_now += 1'000;
    static_cast<void>(core_->tick());
    flush();
  }
  if (!core_->journal().writable()) {
    faults_found_.push_back("the disk is well and the store is not writable: " + core_->journal().trouble());
  }
}

void History::step() {
  switch (below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return add();
    case 5:
    case 6:
    case 7:
    case 8:
      return claim();
    case 9:
    case 10:
    case 11:
    case 12:
      return answer();
    case 13:
      if (chance(0.1)) return disown();
      if (chance(0.15)) return move_dead();
      if (chance(0.03)) return purge();
      return chance(0.3) ? pause() : answer();
    case 14:
      return advance();
    case 15:
    case 16:
      return commit();
    case 17:
      return flush();
    case 18:
      return sync_in_steps();
    default:
      return chance(0.15) ? fault() : commit();
  }
}

std::uint64_t History::disk_bound() const {
  return 3 * core_->state().live_bytes() + 8 * core_->journal().segments().back().bytes + (1u << 20);
}

/// Everything is well: all promises are due.
void History::settle() {
  if (!core_) return;
  check_counters();
  for (const auto& [number, lost] : unanswered_) lost();
  const int heard = adds_heard_;
  for (int i = 0; i < 20 && adds_heard_ == heard; ++i) {
    for (const char* queue : {"a", "b", "c"}) {
      ledger_.unanswered_pause(queue);
      ask<job::QueueView>(job::SetQueue{.queue = queue, .pause_in = false});
    }
    add();
    static_cast<void>(core_->journal().sync());
    flush();
  }
  if (adds_heard_ == heard) faults_found_.push_back("adds are refused although there is room");
  for (int i = 0; i < 3'000 && core_->journal().disk_bytes() > disk_bound(); ++i) {
    boot_now += 10;
    static_cast<void>(core_->tick());
    static_cast<void>(core_->journal().sync());
    flush();
  }
  if (core_->journal().disk_bytes() > disk_bound()) {
    faults_found_.push_back(
        "the disk use does not follow the backlog: " + std::to_string(core_->journal().disk_bytes()) + " bytes for " +
        std::to_string(core_->state().live_bytes()) + ", segments of " +
        std::to_string(core_->journal().end() - core_->journal().oldest()) + " in " +
        std::to_string(core_->journal().segments().size()));
  }
  ledger_.must_exist(core_->now(), [&](const job::JobId& id) { return ask<job::View>(job::Show{id}).has_value(); });
}

std::vector<std::string> History::run(int steps) {
  reopen();
  for (int i = 0; i < steps && faults_found_.empty() && core_; ++i) {
    step();
    if (core_) check_promises();
    if (core_ && chance(0.02)) die();
  }
  if (faults_found_.empty()) settle();
  return faults_found_;
}

}  // namespace coworker::simulation
