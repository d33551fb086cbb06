#include <fmt/format.h>

#include <iterator>
#include <limits>
#include <memory>

#include "channel/resp/encode.h"
#include "channel/resp/number.h"
#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

namespace coworker::net::resp {
namespace {

constexpr std::int64_t kMaxCount = 1'000'000;
constexpr std::int64_t kMostJobs = std::numeric_limits<std::int64_t>::max();

/// What QSCAN and JSCAN have in common.
struct ScanOptions {
  std::uint64_t cursor = 0;
  bool has_cursor = false;
  std::int64_t count = 100;
  bool busy_loop = false;  // the whole scan in one reply

  /// True when the current option is one of these.
  bool read(Options& options) {
    if (options.integer("count", count, 1, kMaxCount) || options.flag("busyloop", busy_loop)) return true;
    return false;
  }

  /// The current word has no other meaning: it is the cursor.
  void read_cursor(Options& options) {
    if (has_cursor) return options.unknown();
    const std::optional<std::uint64_t> value = channel::resp::parse_unsigned(options.word());
    if (!value) return options.error("ERR invalid cursor or option");
    cursor = *value;
    has_cursor = true;
  }
};

struct QueueFilter {
  std::int64_t min_length = 0;
  std::int64_t max_length = kMostJobs;
  std::int64_t import_rate = 0;

  bool accepts(const job::QueueView& queue) const {
    const auto length = static_cast<std::int64_t>(queue.ready);
    return length >= min_length && length <= max_length && import_rate <= 0;  // nothing is imported here
  }
};

/// A scan under way for one reply: its page, or with `whole` page after page until the end. The session
/// stays alive until its slot is filled.
template <class Scan, class Page>
struct RunningScan : std::enable_shared_from_this<RunningScan<Scan, Page>> {
  Node& node;
  Session& session;
  Session::Slot slot;
  Scan scan;
  bool whole = false;
  Page found{};

  RunningScan(Call& call, Session::Slot reply_slot, Scan what, bool all)
      : node{call.node}, session{call.session}, slot{reply_slot}, scan{std::move(what)}, whole{all} {}

  virtual ~RunningScan() = default;
  virtual void collect(Page page) = 0;
  virtual std::string text() const = 0;

  void ask() {
    node.store.apply(scan,
                     [self = this->shared_from_this()](Result<job::Answer> answer) { self->take(std::move(answer)); });
  }

  void take(Result<job::Answer> answer) {
    Page* page = answer ? std::get_if<Page>(&*answer) : nullptr;
    if (page == nullptr) return session.done(slot, std::move(answer));
    found.cursor = scan.cursor = page->cursor;
    collect(std::move(*page));
    if (!whole || scan.cursor == 0 || session.closed()) return session.complete(slot, text());
    // Page by page, so that a long scan leaves the loop to others in between.
    node.host.after(Millis{0}, [self = this->shared_from_this()] { self->ask(); });
  }
};

struct RunningQueueScan final : RunningScan<job::ScanQueues, job::QueuePage> {
  QueueFilter filter;

  RunningQueueScan(Call& call, Session::Slot slot, job::ScanQueues what, bool all, QueueFilter only)
      : RunningScan{call, slot, what, all}, filter{only} {}

  void collect(job::QueuePage page) override {
    for (job::QueueView& queue : page.queues) {
      if (filter.accepts(queue)) found.queues.push_back(std::move(queue));
    }
  }

  std::string text() const override {
    std::string out;
    channel::resp::append_array(out, 2);
    channel::resp::append_bulk_number(out, found.cursor);
    channel::resp::append_array(out, found.queues.size());
    for (const job::QueueView& queue : found.queues) channel::resp::append_bulk(out, queue.name);
    return out;
  }
};

struct RunningJobScan final : RunningScan<job::ScanJobs, job::Views> {
  std::uint32_t detail;

  RunningJobScan(Call& call, Session::Slot slot, job::ScanJobs what, bool all, std::uint32_t shown)
      : RunningScan{call, slot, std::move(what), all}, detail{shown} {}

  void collect(job::Views page) override {
    found.jobs.insert(found.jobs.end(), std::make_move_iterator(page.jobs.begin()),
                      std::make_move_iterator(page.jobs.end()));
  }

  std::string text() const override {
    std::string out;
    format_job_scan(out, found, node.identity, detail);
    return out;
  }
};

/// Disque's names of states, and `scheduled` for the jobs that wait for their time. False: unknown.
bool add_state(std::string_view name, std::vector<job::State>& states) {
  if (same_word(name, "queued")) {
    states.push_back(job::State::ready);
  } else if (same_word(name, "active")) {
    states.push_back(job::State::scheduled);
    states.push_back(job::State::leased);
  } else if (same_word(name, "scheduled")) {
    states.push_back(job::State::scheduled);
  } else {
    // No job is ever in these here.
    return same_word(name, "wait-repl") || same_word(name, "acked");
  }
  return true;
}

}  // namespace

void run_qscan(Call& call) {
  ScanOptions scan;
  QueueFilter filter;
  Options options{call, 1};
  while (options.next()) {
    if (scan.read(options) || options.integer("minlen", filter.min_length, 0, kMostJobs) ||
        options.integer("maxlen", filter.max_length, 0, kMostJobs) ||
        options.integer("importrate", filter.import_rate, 0, kMostJobs)) {
      continue;
    }
    scan.read_cursor(options);
  }
  if (options.failed()) return;
  const Session::Slot slot = call.session.hold(nullptr, 0, Session::Kind::plain);
  const job::ScanQueues what{.cursor = scan.cursor, .count = static_cast<std::uint32_t>(scan.count)};
  std::make_shared<RunningQueueScan>(call, slot, what, scan.busy_loop, filter)->ask();
}

void run_jscan(Call& call) {
  ScanOptions scan;
  job::ScanJobs what;
  std::string_view word;
  std::string_view reply = "id";
  bool any_state = true;
  Options options{call, 1};
  while (options.next()) {
    if (scan.read(options) || options.text("reply", reply)) continue;
    if (options.text("queue", word)) {
      what.queue = std::string{word};
    } else if (options.text("state", word)) {
      any_state = false;
      if (!add_state(word, what.states)) options.error("ERR invalid job state name");
    } else {
      scan.read_cursor(options);
    }
  }
  if (!same_word(reply, "id") && !same_word(reply, "all")) options.error("ERR invalid REPLY type");
  if (options.failed()) return;
  const bool descriptions = same_word(reply, "all");
  const std::uint32_t detail = descriptions ? kScanShow : 0;
  if (!any_state && what.states.empty()) {
    return format_job_scan(call.reply(), job::Views{}, call.node.identity, detail);
  }
  what.cursor = scan.cursor;
  what.count = static_cast<std::uint32_t>(scan.count);
  what.bodies = descriptions;
  const Session::Slot slot = call.session.hold(nullptr, detail, Session::Kind::claim);
  std::make_shared<RunningJobScan>(call, slot, std::move(what), scan.busy_loop, detail)->ask();
}

}  // namespace coworker::net::resp
