#include "engine/fact.h"

#include "base/bytes.h"

namespace coworker::engine {
namespace {

using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

void write_state(ByteWriter& to, FactKind kind, const StateFact& fact) {
  const auto flags = static_cast<uint8_t>((fact.queued_once ? 1 : 0) | (fact.has_reason ? 2 : 0));
  to.put(kind, fact.key, fact.event, fact.state, flags, fact.due, fact.token, fact.expires, fact.nacks, fact.additional,
         fact.attempts, fact.crashes);
  if (fact.has_reason) to.text(fact.reason);
}

StateFact read_state(ByteReader& from, bool& ok) {
  StateFact fact;
  fact.key = from.get<job::Key>();
  fact.event = from.get<job::Event>();
  const auto state = from.get<uint8_t>();
  ok = ok && state < static_cast<uint8_t>(job::State::gone);
  fact.state = static_cast<job::State>(state);
  const auto flags = from.get<uint8_t>();
  fact.queued_once = (flags & 1) != 0;
  fact.has_reason = (flags & 2) != 0;
  fact.due = from.get<std::int64_t>();
  fact.token = from.get<job::Token>();
  fact.expires = from.get<uint32_t>();
  fact.nacks = from.get<uint16_t>();
  fact.additional = from.get<uint16_t>();
  fact.attempts = from.get<uint16_t>();
  fact.crashes = from.get<uint8_t>();
  if (fact.has_reason) fact.reason = from.text();
  return fact;
}

void write_origin(ByteWriter& to, const OriginFact& fact) {
  to.put(static_cast<uint8_t>(fact.dead)).text(fact.origin);
}

OriginFact read_origin(ByteReader& from) {
  OriginFact fact;
  fact.dead = from.get<uint8_t>() != 0;
  fact.origin = from.text();
  return fact;
}

tl::unexpected<Error> damaged(const char* what) {
  return fail(Errc::corrupt, std::string{"a record does not hold a "} + what);
}

/// The reader behind the kind byte.
ByteReader open(std::string_view bytes) {
  return ByteReader{bytes.substr(bytes.empty() ? 0 : 1)};
}

}  // namespace

void encode(const JobFact& fact, std::string& out) {
  ByteWriter to{out};
  write_state(to, FactKind::job, fact.state);
  write_origin(to, fact.origin);
  const auto flags = static_cast<uint8_t>((fact.bury_on_expiry ? 1 : 0) | (fact.rewritten ? 2 : 0));
  to.put(fact.retry, fact.ttl_digits, fact.created_ms, fact.delay_ms, fact.replicas, flags, fact.priority);
  to.text(fact.queue).text(fact.group).text(fact.unique_key);
}

void encode(const StateFact& fact, std::string& out) {
  ByteWriter to{out};
  write_state(to, FactKind::state, fact);
}

void encode(const MovedFact& fact, std::string& out) {
  ByteWriter to{out};
  write_state(to, FactKind::moved, fact.state);
  write_origin(to, fact.origin);
  to.text(fact.queue);
}

void encode(const QueueFact& fact, std::string& out) {
  const auto flags = static_cast<uint8_t>((fact.pause_in ? 1 : 0) | (fact.pause_out ? 2 : 0));
  ByteWriter{out}
      .put(FactKind::queue)
      .put(flags)
      .put(fact.weight)
      .put(fact.limit)
      .put(fact.group_limit)
      .text(fact.name)
      .text(fact.failure_queue);
}

void encode(const RegisterFact& fact, std::string& out) {
  ByteWriter{out}.put(FactKind::register_value).put(fact.value).text(fact.name);
}

void encode(const OnceFact& fact, std::string& out) {
  ByteWriter{out}
      .put(FactKind::once)
      .put(fact.key)
      .put(fact.ttl_digits)
      .put(fact.expires)
      .text(fact.queue)
      .text(fact.idempotency_key);
}

void encode(const RemovedFact& fact, std::string& out) {
  ByteWriter{out}.put(FactKind::removed, fact.key, fact.event);
}

void encode_clock(Time now, std::string& out) {
  ByteWriter{out}.put(FactKind::clock).put(now.ms);
}

Result<FactKind> kind_of(std::string_view bytes) {
  const auto kind = ByteReader{bytes}.get<uint8_t>();
  if (kind < 1 || kind > static_cast<uint8_t>(FactKind::once)) return damaged("fact of a known kind");
  return static_cast<FactKind>(kind);
}

Result<JobFact> decode_job(std::string_view bytes) {
  ByteReader from = open(bytes);
  bool ok = true;
  JobFact fact;
  fact.state = read_state(from, ok);
  fact.origin = read_origin(from);
  fact.retry = from.get<uint32_t>();
  fact.ttl_digits = from.get<uint16_t>();
  fact.created_ms = from.get<uint64_t>();
  fact.delay_ms = from.get<std::int64_t>();
  fact.replicas = from.get<uint16_t>();
  const auto flags = from.get<uint8_t>();
  fact.bury_on_expiry = (flags & 1) != 0;
  fact.rewritten = (flags & 2) != 0;
  fact.priority = from.get<std::int8_t>();
  fact.queue = from.text();
  fact.group = from.text();
  fact.unique_key = from.text();
  if (!ok || !from.ok()) return damaged("job");
  return fact;
}

Result<StateFact> decode_state(std::string_view bytes) {
  ByteReader from = open(bytes);
  bool ok = true;
  const StateFact fact = read_state(from, ok);
  if (!ok || !from.ok()) return damaged("job's state");
  return fact;
}

Result<MovedFact> decode_moved(std::string_view bytes) {
  ByteReader from = open(bytes);
  bool ok = true;
  MovedFact fact;
  fact.state = read_state(from, ok);
  fact.origin = read_origin(from);
  fact.queue = from.text();
  if (!ok || !from.ok()) return damaged("job's move");
  return fact;
}

Result<QueueFact> decode_queue(std::string_view bytes) {
  ByteReader from = open(bytes);
  QueueFact fact;
  const auto flags = from.get<uint8_t>();
  fact.pause_in = (flags & 1) != 0;
  fact.pause_out = (flags & 2) != 0;
  fact.weight = from.get<uint32_t>();
  fact.limit = from.get<uint32_t>();
  fact.group_limit = from.get<uint32_t>();
  fact.name = from.text();
  fact.failure_queue = from.text();
  if (!from.ok()) return damaged("queue's settings");
  return fact;
}

Result<RegisterFact> decode_register(std::string_view bytes) {
  ByteReader from = open(bytes);
  RegisterFact fact;
  fact.value = from.get<uint64_t>();
  fact.name = from.text();
  if (!from.ok()) return damaged("register");
  return fact;
}

Result<OnceFact> decode_once(std::string_view bytes) {
  ByteReader from = open(bytes);
  OnceFact fact;
  fact.key = from.get<job::Key>();
  fact.ttl_digits = from.get<uint16_t>();
  fact.expires = from.get<uint32_t>();
  fact.queue = from.text();
  fact.idempotency_key = from.text();
  if (!from.ok()) return damaged("idempotency key");
  return fact;
}

Result<RemovedFact> decode_removed(std::string_view bytes) {
  ByteReader from = open(bytes);
  RemovedFact fact;
  fact.key = from.get<job::Key>();
  fact.event = from.get<job::Event>();
  if (!from.ok()) return damaged("removal");
  return fact;
}

Result<Time> decode_clock(std::string_view bytes) {
  ByteReader from = open(bytes);
  const auto ms = from.get<std::int64_t>();
  if (!from.ok()) return damaged("time");
  return Time{ms};
}

}  // namespace coworker::engine
