#include "coworker/producer.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "async/event.h"
#include "async/gate.h"
#include "base/log.h"
#include "base/time.h"
#include "job/id.h"
#include "job/new_job.h"
#include "store/open.h"
#include "worker/add_hooks.h"

namespace coworker {
namespace {

using Done = std::function<void(Added)>;

// A directory that is used without a broker is let go when nothing was added for so long.
constexpr Millis kIdle{20};
// Without a break it is held for so long, and then left to others for a moment: who wants to serve it gets it.
constexpr Millis kLongestHold{1'000};
constexpr Millis kBreak{100};

Result<job::Add> add_of(std::string_view queue, std::string_view body, AddOptions options) {
  job::NewJob job;
  job.queue = queue;
  job.body = body;
  worker::set_options(job, std::move(options));
  return job::make_add(job, wall_millis());
}

}  // namespace

/// The store, and the thread whose loop it lives on.
class Producer::Core {
 public:
  Core(std::string url, ProducerOptions options)
      : url_{std::move(url)}, options_{std::move(options)}, gate_{loop_.get_executor()}, idle_{loop_}, thread_{[this] {
          loop_.run();
        }} {}

  ~Core() {
    boost::asio::post(loop_, [this] { stop(); });
    thread_.join();
  }

  /// The add, after before_add; `done` with after_add before it.
  Result<job::Add> prepare(std::string_view queue, std::string_view body, AddOptions options) const;
  Done with_hook(std::string_view queue, std::string_view body, Done done) const;

  /// `is_one_of_many`: better committed together with others, for which the directory is opened with its index.
  void start(job::Add add, bool is_one_of_many, Done done) {
    boost::asio::post(loop_, [this, add = std::move(add), is_one_of_many, done = std::move(done)]() mutable {
      const bool with_index = is_one_of_many || job::needs_index(add);
      waiting_.push_back({std::move(add), std::move(done), with_index});
      pump();
    });
  }

 private:
  struct Waiting {
    job::Add add;
    Done done;
    bool with_index;
  };

  void pump();
  void reopen(bool with_index);
  async::Task<> open(bool with_index, Millis pause);
  void finished();
  void stop();

  std::string url_;
  bool is_directory_ = url_.rfind("file:", 0) == 0;
  ProducerOptions options_;
  async::Loop loop_{1};
  boost::asio::executor_work_guard<async::Loop::executor_type> work_{loop_.get_executor()};
  async::Gate gate_;
  boost::asio::steady_timer idle_;
  std::chrono::steady_clock::time_point opened_at_{};
  std::deque<Waiting> waiting_;  // while the store is being opened
  std::unique_ptr<store::Store> store_;
  bool with_index_ = false;       // store_ takes every add
  bool holds_directory_ = false;  // store_ keeps others from serving it
  bool opening_ = false;
  bool stopped_ = false;
  std::size_t under_way_ = 0;
  std::thread thread_;  // the last member: it runs on all others
};

void Producer::Core::reopen(bool with_index) {
  if (under_way_ > 0) return;  // `finished` comes back here
  const bool was_held = store_ != nullptr;
  store_.reset();
  opening_ = true;
  gate_.spawn("producer", open(with_index, was_held ? kBreak : Millis{0}));
}

void Producer::Core::pump() {
  if (opening_) return;
  while (!waiting_.empty()) {
    const bool with_index = waiting_.front().with_index;
    const bool is_fit = store_ && (with_index_ || !with_index);
    const bool is_held_long = holds_directory_ && std::chrono::steady_clock::now() - opened_at_ > kLongestHold;
    // A directory whose broker has gone may be used directly now; any other server may only come back.
    const bool is_left = store_ && is_directory_ && !store_->connected();
    if (!is_fit || is_held_long || is_left) return reopen(with_index);
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    ++under_way_;
    idle_.cancel();
    std::string queue = next.add.queue;
    store_->apply(std::move(next.add),
                  [this, queue = std::move(queue), done = next.done](const Result<job::Answer>& answer) {
                    done(worker::added_of(answer, queue));
                    --under_way_;
                    finished();
                  });
  }
}

async::Task<> Producer::Core::open(bool with_index, Millis pause) {
  co_await async::sleep_for(pause);
  store::OpenOptions options;
  options.password = options_.password;
  options.tls = {options_.tls.certificate, options_.tls.key, options_.tls.ca, options_.tls.verify, options_.tls.name};
  options.patience = options_.patience;
  Result<std::unique_ptr<store::Store>> opened = co_await store::open_for_adding(loop_, url_, options, with_index);
  opening_ = false;
  if (opened && !stopped_) {
    store_ = std::move(*opened);
    opened_at_ = std::chrono::steady_clock::now();
    const bool is_spool = is_directory_ && !store_->capabilities().fencing;
    with_index_ = !is_spool;
    // A store that is embedded here names its node; one behind a broker does not.
    holds_directory_ = is_spool || (is_directory_ && !store_->node().empty());
    pump();
    co_return;
  }
  const Error error = opened ? Error{Errc::unavailable, "the producer is closed"} : opened.error();
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  for (const Waiting& each : waiting) each.done(worker::not_added(error));
}

void Producer::Core::finished() {
  if (under_way_ > 0 || stopped_) return;
  if (!waiting_.empty()) {
    boost::asio::post(loop_, [this] { pump(); });
    return;
  }
  if (!holds_directory_) return;
  idle_.expires_after(kIdle);
  idle_.async_wait([this](boost::system::error_code error) {
    if (!error && under_way_ == 0 && waiting_.empty()) store_.reset();
  });
}

void Producer::Core::stop() {
  stopped_ = true;
  idle_.cancel();
  if (store_) store_->close();
  store_.reset();
  std::deque<Waiting> waiting;
  waiting.swap(waiting_);
  for (const Waiting& each : waiting) each.done(Added::failure(AddError::unavailable, "the producer is closed"));
  loop_.stop();
}

Producer::Producer(std::string url, ProducerOptions options)
    : core_{std::make_unique<Core>(std::move(url), std::move(options))} {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

Result<job::Add> Producer::Core::prepare(std::string_view queue, std::string_view body, AddOptions options) const {
  if (!options_.before_add) return add_of(queue, body, std::move(options));
  AddOptions changed = options;
  try {
    options_.before_add(queue, body, changed);
    options = std::move(changed);
  } catch (const std::exception& error) {
    log::error(fmt::format("a hook (before_add) threw: {}", error.what()));
  } catch (...) {
    log::error("a hook (before_add) threw something that is no std::exception");
  }
  return add_of(queue, body, std::move(options));
}

Done Producer::Core::with_hook(std::string_view queue, std::string_view body, Done done) const {
  if (!options_.after_add) return done;
  return [hook = options_.after_add, to = std::string{queue}, text = std::string{body},
          done = std::move(done)](Added added) {
    try {
      hook(to, text, added);
    } catch (const std::exception& error) {
      log::error(fmt::format("a hook (after_add) threw: {}", error.what()));
    } catch (...) {
      log::error("a hook (after_add) threw something that is no std::exception");
    }
    done(std::move(added));
  };
}

void Producer::add_then(std::string_view queue, std::string_view body, AddOptions options, Done done) {
  Result<job::Add> add = core_->prepare(queue, body, std::move(options));
  done = core_->with_hook(queue, body, std::move(done));
  if (!add) return done(worker::not_added(add.error()));
  core_->start(std::move(*add), false, std::move(done));
}

std::vector<Added> Producer::add_many(std::string_view queue, std::span<const std::string> bodies, AddOptions options) {
  std::vector<Added> results(bodies.size(), Added::failure(AddError::failed, "not answered"));
  std::mutex mutex;
  std::condition_variable all_answered;
  std::size_t left = bodies.size();
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const Done done = core_->with_hook(queue, bodies[i], [&, i](Added added) {
      const std::lock_guard lock{mutex};
      results[i] = std::move(added);
      if (--left == 0) all_answered.notify_one();
    });
    Result<job::Add> add = core_->prepare(queue, bodies[i], options);
    add ? core_->start(std::move(*add), bodies.size() > 1, done) : done(worker::not_added(add.error()));
  }
  std::unique_lock lock{mutex};
  all_answered.wait(lock, [&] { return left == 0; });
  return results;
}

Added Producer::add(std::string_view queue, std::string_view body, AddOptions options) {
  const std::string text{body};
  return std::move(add_many(queue, {&text, 1}, std::move(options)).front());
}

}  // namespace coworker
