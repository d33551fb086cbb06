#include "worker/loop_runner.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>

#include "base/log.h"

namespace coworker::worker {

LoopRunner::LoopRunner(async::Loop& loop, LoopSpec spec, Rounds& rounds, LoopPage& page)
    : loop_{loop},
      spec_{std::move(spec)},
      rounds_{rounds},
      page_{page},
      signals_{loop, SIGTERM, SIGINT},
      timer_{loop},
      random_{std::random_device{}()},
      paused_{spec_.paused} {}

Result<> LoopRunner::start(Fd link) {
  LineSocket::Events events;
  events.on_line = [this](std::string_view line) { heard(line); };
  events.on_end = [this] { stop("the supervisor is gone"); };
  Result<std::shared_ptr<LineSocket>> socket = LineSocket::open(loop_, std::move(link), std::move(events));
  if (!socket) return tl::unexpected{std::move(socket).error()};
  link_ = std::move(*socket);
  listen();
  return {};
}

void LoopRunner::begin() {
  if (std::exchange(begun_, true)) return;
  work([this](Rounds::Done done) { rounds_.spinup(std::move(done)); },
       [this](const Result<>& spun) {
         if (!spun) {
           log::error("spinup failed: " + spun.error().message());
           tell({{"failed", "spinup: " + spun.error().message()}});
           return end(1);
         }
         period_.emplace(spec_.looptime, Clock::now());
         next_later();
       });
}

void LoopRunner::listen() {
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    stop("a signal");
    listen();
  });
}

void LoopRunner::heard(std::string_view line) {
  boost::json::error_code error;
  const boost::json::value said = boost::json::parse(line, error);
  if (!error && said.is_object()) take(said.get_object());
}

void LoopRunner::take(const boost::json::object& said) {
  const auto* order = said.if_contains("order");
  if (order != nullptr && *order == "stop") return stop(nullptr);
  if (order != nullptr && *order == "begin") return begin();
  if (order != nullptr && *order == "reopen") return log::reopen();
  const auto* word = said.if_contains("word");
  const auto* named = word != nullptr ? word : order;
  const auto* id = said.if_contains("id");
  if (named == nullptr || !named->is_string() || id == nullptr || !id->is_int64()) return;
  Order given;
  given.id = id->get_int64();
  given.is_word = word != nullptr;
  given.name = named->get_string();
  if (const auto* arguments = said.if_contains("arguments")) given.arguments = *arguments;
  orders_.push_back(std::move(given));
  if (!busy_) next();
}

void LoopRunner::stop(const char* why) {
  if (stopping_) return;
  stopping_ = true;
  if (why != nullptr) log::warning(fmt::format("{}: stopping", why));
  if (!begun_) return end(0);
  rounds_.hurry();
  if (!busy_) next();
}

/// What is to be done now. Requires that nothing runs.
void LoopRunner::next() {
  timer_.cancel();
  if (over_) return;
  // Before a stop: they were sent before it.
  if (!orders_.empty()) return run_order();
  if (stopping_) return finish();
  if (paused_) {
    begins_ = {};
    return set_phase(LoopPhase::paused);
  }
  set_phase(LoopPhase::looping);
  sleep();
}

void LoopRunner::next_later() {
  boost::asio::post(loop_, [this] {
    busy_ = false;
    next();
  });
}

/// Until the next round is to begin.
void LoopRunner::sleep() {
  const Clock::time_point now = Clock::now();
  period_->free_at(now);
  if (begins_ == Clock::time_point{}) {
    const double roll = std::uniform_real_distribution<>{}(random_);
    begins_ = period_->due() + std::chrono::duration_cast<Clock::duration>(roll * spec_.jitter);
  }
  if (begins_ <= now) return run_round();
  timer_.expires_at(begins_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !busy_ && !over_) run_round();
  });
}

/// Everything the author wrote is called from here, one after the other. What comes next is up to `then`.
void LoopRunner::work(std::function<void(Rounds::Done)> what, std::function<void(Result<>)> then) {
  busy_ = true;
  page_.begin();
  what([this, then = std::move(then)](const Result<>& result) {
    page_.end();
    then(result);
  });
}

void LoopRunner::run_round() {
  begins_ = {};
  period_->begun();
  const Clock::time_point began = Clock::now();
  work([this](Rounds::Done done) { rounds_.round(page_.rounds() + 1, std::move(done)); },
       [this, began](const Result<>& result) {
         page_.count_round(!result, Clock::now() - began);
         if (!result) {
           log::warning("a round failed: " + result.error().message());
           tell({{"failed", result.error().message()}});
         }
         next_later();
       });
}

void LoopRunner::run_order() {
  auto order = std::make_shared<Order>(std::move(orders_.front()));
  orders_.pop_front();
  if (order->is_word) {
    auto reply = std::make_shared<Result<boost::json::value>>();
    work(
        [this, order, reply](Rounds::Done done) {
          rounds_.command(order->name, std::move(order->arguments), [reply, done](Result<boost::json::value> said) {
            *reply = std::move(said);
            done({});
          });
        },
        [this, order, reply](const Result<>&) {
          answer(order->id, *reply);
          next_later();
        });
    return;
  }
  paused_ = order->name == "pause";
  set_phase(paused_ ? LoopPhase::paused : LoopPhase::looping);
  work([this, order](Rounds::Done done) { rounds_.tell(order->name, std::move(done)); },
       [this, order](const Result<>& told) {
         if (!told) log::warning(fmt::format("the listener of '{}' failed: {}", order->name, told.error().message()));
         answer(order->id, boost::json::value(true));
         next_later();
       });
}

void LoopRunner::finish() {
  set_phase(LoopPhase::spindown);
  work([this](Rounds::Done done) { rounds_.spindown(std::move(done)); },
       [this](const Result<>& spun) {
         if (!spun) {
           log::error("spindown failed: " + spun.error().message());
           tell({{"failed", "spindown: " + spun.error().message()}});
         }
         end(spun ? 0 : 1);
       });
}

void LoopRunner::end(int code) {
  over_ = true;
  code_ = code;
  for (const Order& order : orders_) answer(order.id, fail(Errc::unavailable, "the loop worker has ended"));
  orders_.clear();
  rounds_.close();
  signals_.cancel();
  timer_.cancel();
  link_->close();
}

void LoopRunner::set_phase(LoopPhase phase) {
  if (page_.phase() == phase) return;
  page_.set_phase(phase);
  tell({{"phase", static_cast<int>(phase)}});
}

void LoopRunner::tell(const boost::json::object& what) {
  link_->send(boost::json::serialize(what));
}

void LoopRunner::answer(std::int64_t id, const Result<boost::json::value>& result) {
  if (result) return tell({{"id", id}, {"ok", true}, {"reply", *result}});
  tell({{"id", id},
        {"ok", false},
        {"code", std::string{to_string(result.error().code())}},
        {"error", result.error().message()}});
}

}  // namespace coworker::worker
