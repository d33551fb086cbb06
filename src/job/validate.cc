#include "job/validate.h"

#include <string>

#include "job/json_text.h"

namespace coworker::job {
namespace {

tl::unexpected<Error> too_long(std::string_view what, std::string_view text) {
  return fail(Errc::invalid_argument, std::string{what} + " has " + std::to_string(text.size()) + " bytes; at most " +
                                          std::to_string(kMostName) + " are allowed");
}

tl::unexpected<Error> outside(std::string_view what, std::int64_t value, std::int64_t least, std::int64_t most,
                              std::string_view unit) {
  return fail(Errc::invalid_argument, std::string{what} + " of " + std::to_string(value) + " " + std::string{unit} +
                                          " is not between " + std::to_string(least) + " and " + std::to_string(most));
}

// The good case is a comparison in each command's way; the texts of the others are kept out of it.

inline Result<> name(std::string_view what, std::string_view text) {
  if (text.size() <= kMostName) return {};
  return too_long(what, text);
}

inline Result<> within(std::string_view what, std::int64_t value, std::int64_t least, std::int64_t most,
                       std::string_view unit) {
  if (value >= least && value <= most) return {};
  return outside(what, value, least, most, unit);
}

inline Result<> expiry(Seconds ttl, Time now) {
  constexpr std::int64_t kLastSecond = 0xffff'fffe;
  if (auto valid = within("ttl", ttl.count(), 1, kMostSeconds, "s"); !valid) return valid;
  return within("ttl", ttl.count(), 1, kLastSecond - now.ms / 1000, "s");
}

Result<> check(const Add& add, Time now) {
  if (auto valid = name("queue name", add.queue); !valid) return valid;
  if (auto valid = name("group", add.group); !valid) return valid;
  if (auto valid = name("unique key", add.unique_key); !valid) return valid;
  if (auto valid = name("idempotency key", add.idempotency_key); !valid) return valid;
  if (auto valid = name("register name", add.register_name); !valid) return valid;
  if (auto valid = within("body", static_cast<std::int64_t>(add.body.size()), 0, kMostBody, "bytes"); !valid) {
    return valid;
  }
  if (!add.register_name.empty() && add.register_name.front() == '\0') {
    return fail(Errc::invalid_argument, "a register's name must not begin with a NUL byte");
  }
  if (!add.register_name.empty() && add.register_value == 0) {
    return fail(Errc::invalid_argument, "a register's value is 1 at least");
  }
  if (auto valid = expiry(add.ttl, now); !valid) return valid;
  if (auto valid = within("retry", add.retry.count(), 0, kMostSeconds, "s"); !valid) return valid;
  if (auto valid = within("idempotency window", add.idempotency_window.count(), 0, kMostSeconds, "s"); !valid) {
    return valid;
  }
  if (add.delay.count() < 0 || add.delay >= add.ttl) {
    return fail(Errc::invalid_argument, "delay of " + std::to_string(add.delay.count()) +
                                            " ms is not below the ttl of " + std::to_string(add.ttl.count()) + " s");
  }
  return {};
}

Result<> check(const Claim& claim, Time) {
  if (claim.queues.empty()) return fail(Errc::invalid_argument, "a claim names no queue");
  for (const std::string& queue : claim.queues) {
    if (auto valid = name("queue name", queue); !valid) return valid;
  }
  if (auto valid = within("count", claim.count, 1, 0xffff'ffff, "jobs"); !valid) return valid;
  if (auto valid = within("wait", claim.wait.count(), 0, kMostSeconds * 1000, "ms"); !valid) return valid;
  return within("lease", claim.lease.count(), 0, kMostSeconds * 1000, "ms");
}

Result<> check(const Retry& retry, Time) {
  for (const Retry::Item& item : retry.items) {
    if (auto valid = within("delay", item.delay.count(), 0, kMostSeconds * 1000, "ms"); !valid) return valid;
  }
  return {};
}

Result<> check(const Bury& bury, Time now) {
  if (auto valid = name("failure queue", bury.failure_queue); !valid) return valid;
  return expiry(bury.ttl, now);
}

Result<> check(const Disown& disown, Time) {
  if (disown.owner == 0) return fail(Errc::invalid_argument, "0 is nobody: it cannot be disowned");
  return {};
}

Result<> check(const MoveDead& move, Time now) {
  if (auto valid = name("queue name", move.queue); !valid) return valid;
  if (move.queue.empty() && !move.revive) return fail(Errc::invalid_argument, "moving dead jobs needs a queue");
  for (const MoveDead::Item& item : move.items) {
    if (item.ttl.count() == 0) continue;
    if (auto valid = expiry(item.ttl, now); !valid) return valid;
  }
  return {};
}

Result<> check(const ForgetRegisters& forget, Time) {
  return name("prefix of registers", forget.prefix);
}

Result<> check(const Extend& extend, Time) {
  return within("lease", extend.lease.count(), 0, kMostSeconds * 1000, "ms");
}

Result<> check(const Enqueue& enqueue, Time) {
  return within("delay", enqueue.delay.count(), 0, kMostSeconds * 1000, "ms");
}

Result<> check(const SetQueue& set, Time) {
  if (auto valid = name("queue name", set.queue); !valid) return valid;
  if (set.failure_queue) {
    if (auto valid = name("failure queue", *set.failure_queue); !valid) return valid;
  }
  if (set.weight) return within("weight", *set.weight, 1, 1000, "jobs");
  return {};
}

Result<> check(const Record& record, Time) {
  for (const Record::Item& item : record.items) {
    if (auto valid = within("event", static_cast<std::int64_t>(item.event.size()), 2, kMostEvent, "bytes"); !valid) {
      return valid;
    }
    auto json = check_json(item.event);
    if (!json) return tl::unexpected{std::move(json.error()).wrap("record an event")};
    if (item.event.front() != '{' || item.event.find('\n') != std::string::npos) {
      return fail(Errc::invalid_argument, "record an event: it is not a JSON object on one line");
    }
  }
  return {};
}

Result<> check(const History& history, Time) {
  return within("count", history.count, 1, 10'000, "events");
}

template <class Other>
Result<> check(const Other&, Time) {
  return {};
}

}  // namespace

Result<> validate(const Command& command, Time now) {
  return std::visit([&](const auto& each) { return check(each, now); }, command);
}

}  // namespace coworker::job
