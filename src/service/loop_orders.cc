#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "service/loop_process.h"

/// The part of LoopProcess that tells its process something, and hears it.
namespace coworker::service {
namespace {

constexpr std::size_t kMostPending = 1'000;  // commands that one worker may owe answers to

Errc code_of(std::string_view text) {
  for (const Errc code : {Errc::invalid_argument, Errc::not_found, Errc::unavailable}) {
    if (text == to_string(code)) return code;
  }
  return Errc::internal;
}

std::string text_in(const boost::json::object& from, const char* key) {
  const auto* value = from.if_contains(key);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

}  // namespace

void LoopProcess::heard(std::string_view line) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  const auto* said = error ? nullptr : value.if_object();
  if (said == nullptr) return log::warning(fmt::format("loop worker '{}' says what makes no sense", config_.name));
  if (said->contains("id")) return answered(*said);
  if (said->contains("failed")) {
    failure_ = text_in(*said, "failed");
    return;
  }
  if (is_up()) call_all(starting_, boost::json::value(true));
  changed();
}

void LoopProcess::answered(const boost::json::object& said) {
  const auto* id = said.at("id").if_int64();
  const auto found = id == nullptr ? pending_.end() : pending_.find(*id);
  if (found == pending_.end()) return;
  const Done done = std::move(found->second.done);
  pending_.erase(found);
  if (!done) return;
  const auto* reply = said.if_contains("reply");
  if (const auto* ok = said.if_contains("ok"); ok != nullptr && *ok == true) {
    return done(reply == nullptr ? boost::json::value{} : *reply);
  }
  done(fail(code_of(text_in(said, "code")), text_in(said, "error")));
}

void LoopProcess::transmit(boost::json::object what, Done done) {
  what["id"] = ++last_id_;
  Pending& pending = pending_[last_id_];
  pending.done = std::move(done);
  pending.text = boost::json::serialize(what);
  if (!link_) return;
  link_->send(pending.text);
  pending.text.clear();
}

/// One that does not run will be as it is now to be from its start.
void LoopProcess::pass_hold(Done done) {
  if (!link_) {
    if (done) done(boost::json::value(true));
    return;
  }
  // One that ends first will, too.
  Done always;
  if (done) always = [done = std::move(done)](const Result<boost::json::value>&) { done(boost::json::value(true)); };
  transmit({{"order", paused_ || held_ ? "pause" : "resume"}}, std::move(always));
}

void LoopProcess::hold(bool on) {
  if (std::exchange(held_, on) != on && !paused_) pass_hold({});
}

void LoopProcess::pause(Done done) {
  paused_ = true;
  pass_hold(std::move(done));
}

void LoopProcess::resume(Done done) {
  paused_ = false;
  pass_hold(std::move(done));
}

void LoopProcess::start(Done done) {
  wanted_ = true;
  if (is_up()) return done(boost::json::value(true));
  fatal_ = false;
  waits_ = false;
  wait_timer_.cancel();
  rule_.reset();
  starting_.push_back(std::move(done));
  changed();
}

void LoopProcess::stop_for(Done done) {
  stop();
  fatal_ = false;
  if (has_process()) {
    ending_.push_back(std::move(done));
  } else {
    done(boost::json::value(true));
  }
  changed();
}

void LoopProcess::restart(Done done) {
  ask_to_stop();
  start(std::move(done));
}

void LoopProcess::send(std::string word, boost::json::value arguments, Done done) {
  if (!wanted_) {
    return done(fail(Errc::unavailable, fmt::format("loop worker '{}' does not run", config_.name)));
  }
  if (pending_.size() >= kMostPending) {
    return done(fail(Errc::resource_exhausted,
                     fmt::format("loop worker '{}' has {} commands to answer", config_.name, kMostPending)));
  }
  transmit({{"word", std::move(word)}, {"arguments", std::move(arguments)}}, std::move(done));
}

/// Those that no process has got wait for the next one, if there is to be one.
void LoopProcess::drop_pending(const std::string& why) {
  std::map<std::int64_t, Pending> dropped;
  for (auto entry = pending_.begin(); entry != pending_.end();) {
    const auto next = std::next(entry);
    if (!wanted_ || entry->second.text.empty()) dropped.insert(pending_.extract(entry));
    entry = next;
  }
  for (const auto& [id, pending] : dropped) {
    if (pending.done) pending.done(fail(Errc::unavailable, why));
  }
}

void LoopProcess::call_all(std::vector<Done>& waiting, const Result<boost::json::value>& result) {
  for (const Done& done : std::exchange(waiting, {})) done(result);
}

}  // namespace coworker::service
