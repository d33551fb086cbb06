#include "store/embedded/embedded_store.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <utility>

#include "base/log.h"
#include "job/validate.h"
#include "journal/open_disk.h"
#include "store/embedded/background.h"
#include "store/embedded/core.h"
#include "store/embedded/history.h"

namespace coworker::store {
namespace {

constexpr Millis kLongestRest{1'000};  // between two ticks: trouble is looked after that often

/// The core on an event loop: one write and one sync for all that arrived in a turn of the loop.
class EmbeddedStore final : public Store {
 public:
  EmbeddedStore(async::Loop& loop, EmbeddedOptions options)
      : loop_{loop},
        options_{std::move(options)},
        reader_{loop},
        flusher_{loop},
        tick_timer_{loop},
        interval_timer_{loop} {}

  ~EmbeddedStore() override {
    close();
    *alive_ = false;
  }

  Result<> open();

  void apply(job::Command command, Done done) override {
    if (std::holds_alternative<job::Record>(command)) return record(std::move(command), std::move(done));
    if (std::holds_alternative<job::History>(command)) return search(std::move(command), std::move(done));
    core_->apply(std::move(command), std::move(done));
    ++arrivals_;
    schedule_commit();
  }

  Capabilities capabilities() const override {
    Capabilities can = Capabilities::all();
    can.history = history_->keeps();
    return can;
  }

  std::string url() const override { return "file:" + options_.directory; }
  std::string node() const override { return core_->node(); }

  void close() override {
    tick_timer_.cancel();
    interval_timer_.cancel();
    if (core_) core_->close();
    if (history_) history_->write_out();
    for (const auto& [name, done] : std::exchange(searches_, {})) done(fail(Errc::unavailable, "the store is closed"));
  }

 private:
  Result<> check_history(const job::Command& command) const;
  void record(job::Command command, Done done);
  void search(job::Command command, Done done);
  void schedule_commit();
  void flush();
  void commit();
  void sync();
  void sync_inline();
  void sync_elsewhere();
  void make_hint();
  void tick();
  void rest();
  void arm_interval();
  void report(const Result<>& result) const {
    if (!result) log::error(result.error().message(), {{"store", options_.directory}});
  }

  async::Loop& loop_;
  EmbeddedOptions options_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<journal::Disk> disk_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<History> history_;
  std::map<std::uint64_t, Done> searches_;  // that read
  std::uint64_t last_search_ = 0;
  Background reader_;                 // bodies that are not in memory
  Background flusher_;                // syncs while more arrives
  std::optional<Background> hinter_;  // started when a segment is full: it reads and writes whole segments
  bool hinting_ = false;
  boost::asio::steady_timer tick_timer_;
  boost::asio::steady_timer interval_timer_;
  bool commit_scheduled_ = false;
  bool ticking_ = false;
  bool syncing_ = false;
  // Whether a sync is better done here or elsewhere depends on whether requests arrive meanwhile: see `sync`.
  std::uint64_t arrivals_ = 0;
  int quiet_syncs_ = 0;   // in a row, elsewhere, during which nothing arrived
  int inline_syncs_ = 0;  // in a row
};

Result<> EmbeddedStore::open() {
  auto disk = journal::open_disk(options_.directory, options_.sync_record);
  if (!disk) return tl::unexpected{disk.error()};
  disk_ = std::move(*disk);
  Core::Options core_options;
  core_options.sync_adds = options_.durability == Durability::commit;
  core_options.sync_acks = options_.sync_acks;
  core_options.segment_bytes = options_.segment_bytes;
  core_options.elsewhere = [this](std::function<void()> work, std::function<void()> then) {
    reader_.submit(std::move(work), [this, then = std::move(then)] {
      then();
      schedule_commit();
    });
  };
  const auto write_log = [directory = options_.directory](log::Level level, const std::string& text) {
    log::write(level, text, {{"store", directory}});
  };
  core_options.log = write_log;
  auto core = Core::open(*disk_, std::move(core_options));
  if (!core) return tl::unexpected{core.error()};
  core_ = std::move(*core);
  History::Options keep;
  keep.bytes = options_.history_bytes;
  keep.age = options_.history_age;
  keep.log = write_log;
  auto history = History::open(*disk_, std::move(keep));
  if (!history) return tl::unexpected{history.error()};
  history_ = std::move(*history);
  if (options_.durability == Durability::interval) arm_interval();
  rest();
  return {};
}

Result<> EmbeddedStore::check_history(const job::Command& command) const {
  if (core_->closed()) return fail(Errc::unavailable, "the store is closed");
  if (!history_->keeps()) return fail(Errc::invalid_argument, "this store keeps no history (broker.history_size is 0)");
  return job::validate(command, core_->now());
}

void EmbeddedStore::record(job::Command command, Done done) {
  if (auto valid = check_history(command); !valid) return done(tl::unexpected{valid.error()});
  const auto& events = std::get<job::Record>(command);
  history_->record(events);
  schedule_commit();
  done(job::Count{events.items.size()});
}

void EmbeddedStore::search(job::Command command, Done done) {
  if (auto valid = check_history(command); !valid) return done(tl::unexpected{valid.error()});
  struct Asked {
    History::Search search;
    Result<job::HistoryPage> page{job::HistoryPage{}};
  };
  auto asked = std::make_shared<Asked>(Asked{history_->search(std::get<job::History>(std::move(command)))});
  const std::uint64_t name = ++last_search_;
  searches_.emplace(name, std::move(done));
  reader_.submit([asked] { asked->page = asked->search.run(); },
                 [this, asked, name] {
                   const auto found = searches_.find(name);
                   if (found == searches_.end()) return;
                   const Done answer = std::move(found->second);
                   searches_.erase(found);
                   if (!asked->page) return answer(tl::unexpected{std::move(asked->page.error())});
                   answer(std::move(*asked->page));
                 });
}

/// Once for all that arrives in this turn: what was ready to be read is handled before what is posted.
void EmbeddedStore::schedule_commit() {
  if (std::exchange(commit_scheduled_, true)) return;
  boost::asio::post(loop_, [this, alive = alive_] {
    if (!*alive) return;
    commit_scheduled_ = false;
    commit();
  });
}

/// Answers may free adds, adds may serve claims that wait, and their facts want writing again.
void EmbeddedStore::flush() {
  core_->deliver();
  do {
    core_->write_out();
    core_->deliver();
  } while (core_->journal().writable() && core_->journal().written() < core_->journal().end());
}

void EmbeddedStore::commit() {
  flush();
  history_->write_out();
  if (core_->wants_sync() && options_.durability == Durability::commit) {
    sync();
  } else if (!syncing_ && core_->journal().sync_is_due()) {
    sync_elsewhere();
  }
  if (!ticking_) rest();
}

/// With nobody else waiting, a sync here saves two switches of threads; with others, the loop should go
/// on collecting while the disk works. What will arrive during a sync is guessed from earlier ones: a few
/// syncs elsewhere with no arrivals, and it is done here, until a sample taken now and then says otherwise.
void EmbeddedStore::sync() {
  constexpr int kQuiet = 4;
  constexpr int kSample = 64;
  if (syncing_) return;
  if (quiet_syncs_ >= kQuiet && ++inline_syncs_ % kSample != 0) {
    sync_inline();
  } else {
    sync_elsewhere();
  }
}

void EmbeddedStore::sync_inline() {
  report(core_->journal().sync());
  flush();
}

void EmbeddedStore::sync_elsewhere() {
  auto task = core_->journal().start_sync();
  if (!task) return core_->deliver();
  syncing_ = true;
  auto shared = std::make_shared<std::pair<journal::SyncTask, Result<>>>(std::move(*task), Result<>{});
  const std::uint64_t before = arrivals_;
  flusher_.submit([shared] { shared->second = shared->first.run(); },
                  [this, shared, before] {
                    syncing_ = false;
                    quiet_syncs_ = arrivals_ == before ? quiet_syncs_ + 1 : 0;
                    report(core_->journal().finish_sync(shared->first, std::move(shared->second)));
                    commit();
                    if (!syncing_ && core_->journal().drops_pending()) sync_elsewhere();
                  });
}

/// Full segments get their hint files one after another, so that the next opening is fast.
void EmbeddedStore::make_hint() {
  if (hinting_) return;
  auto task = core_->journal().start_hint();
  if (!task) return;
  hinting_ = true;
  if (!hinter_) hinter_.emplace(loop_);
  auto shared = std::make_shared<std::pair<journal::HintTask, Result<std::uint64_t>>>(std::move(*task), 0);
  hinter_->submit([shared] { shared->second = shared->first.run(); },
                  [this, shared] {
                    hinting_ = false;
                    core_->journal().finish_hint(shared->first, shared->second);
                    make_hint();
                  });
}

void EmbeddedStore::arm_interval() {
  interval_timer_.expires_after(options_.interval);
  interval_timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (error || !*alive) return;
    if (!syncing_) sync_elsewhere();
    arm_interval();
  });
}

/// Until something is due, or compaction has more to do. A tick that is planned is only ever moved forward,
/// so that constant traffic does not put it off.
void EmbeddedStore::rest() {
  const auto at = std::chrono::steady_clock::now() + core_->until_tick(kLongestRest);
  if (!ticking_ && tick_timer_.expiry() > std::chrono::steady_clock::now() && tick_timer_.expiry() <= at) return;
  ticking_ = false;
  tick_timer_.expires_at(at);
  tick_timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) tick();
  });
}

void EmbeddedStore::tick() {
  ticking_ = true;
  const bool more = core_->tick() && !core_->closed();
  flush();
  // What nobody waits for is synced here at last; and dropped segments go, whatever the durability.
  if (!syncing_ && (options_.durability == Durability::commit || core_->journal().drops_pending())) sync_elsewhere();
  make_hint();
  history_->trim();
  if (!more) return rest();
  boost::asio::post(loop_, [this, alive = alive_] {
    if (*alive) tick();
  });
}

}  // namespace

Result<std::unique_ptr<Store>> open_embedded(async::Loop& loop, EmbeddedOptions options) {
  auto store = std::make_unique<EmbeddedStore>(loop, std::move(options));
  if (auto opened = store->open(); !opened) return tl::unexpected{opened.error()};
  return store;
}

}  // namespace coworker::store
