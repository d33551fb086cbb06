#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "engine/entry.h"

/// What the engine tells the journal: what is so, never what was asked. Replaying facts in the order of
/// the log gives the state again; a later fact about a job replaces an earlier one.
///
/// A fact is one byte of kind, then (integers little-endian, texts with a 4-byte length before them):
///
///   1 job       State · Origin · retry u32 · ttl digits u16 · created ms u64 · delay ms i64 · replicas u16
///               · flags u8 (1 bury on expiry, 2 written again by compaction) · priority i8
///               · queue · group · unique key; the body stands beside it
///   2 state     State
///   3 moved     State · Origin · queue: into a failure queue, or out of it
///   4 removed   key u64 · event u8
///   5 clock     ms i64: the store's time; nothing older is reported later
///   6 queue     the settings of one queue: flags u8 (1 in, 2 out paused) · weight u32 · limit u32 · group limit u32
///               · name · failure queue
///   7 register  value u64 (0: it is forgotten) · name
///   8 once      an idempotency key: job key u64 · ttl digits u16 · expires u32 s · queue · key
///
///   State   key u64 · event u8 · state u8 · flags u8 (1 queued once, 2 a reason is given, else
///           it stays as it was) · due i64 · token u64 · expires u32 s · nacks u16
///   · additional u16
///           · attempts u16 · crashes u8 · reason
///   Origin  dead u8 · origin queue
namespace coworker::engine {

enum class FactKind : std::uint8_t { job = 1, state, moved, removed, clock, queue, register_value, once };

struct StateFact {
  job::Key key{};
  job::Event event = job::Event::due;  // that led here; for the counters
  job::State state = job::State::ready;
  bool queued_once = false;
  std::int64_t due = 0;
  job::Token token{};
  std::uint32_t expires = 0;
  std::uint16_t nacks = 0;
  std::uint16_t additional = 0;
  std::uint16_t attempts = 0;
  std::uint8_t crashes = 0;
  bool has_reason = false;
  std::string_view reason{};
};

struct OriginFact {
  bool dead = false;
  std::string_view origin{};
};

/// Also the cold part of a job: what only its record knows.
struct JobFact {
  StateFact state{};
  OriginFact origin{};
  std::uint32_t retry = 0;
  std::uint16_t ttl_digits = 0;
  std::uint64_t created_ms = 0;
  std::int64_t delay_ms = 0;
  std::uint16_t replicas = 1;
  bool bury_on_expiry = false;
  bool rewritten = false;  // by compaction: not a new job
  std::int8_t priority = 0;
  std::string_view queue{};
  std::string_view group{};
  std::string_view unique_key{};
};

struct MovedFact {
  StateFact state{};
  OriginFact origin{};
  std::string_view queue{};
};

struct QueueFact {
  bool pause_in = false;
  bool pause_out = false;
  std::uint32_t weight = 1;
  std::uint32_t limit = 0;
  std::uint32_t group_limit = 0;
  std::string_view name{};
  std::string_view failure_queue{};
};

struct RegisterFact {
  std::uint64_t value = 0;
  std::string_view name{};
};

struct RemovedFact {
  job::Key key{};
  job::Event event = job::Event::ack;
};

struct OnceFact {
  job::Key key{};
  std::uint16_t ttl_digits = 0;
  std::uint32_t expires = 0;
  std::string_view queue{};
  std::string_view idempotency_key{};
};

/// Each appends one fact to `out`.
void encode(const JobFact& fact, std::string& out);
void encode(const StateFact& fact, std::string& out);
void encode(const MovedFact& fact, std::string& out);
void encode(const QueueFact& fact, std::string& out);
void encode(const RegisterFact& fact, std::string& out);
void encode(const OnceFact& fact, std::string& out);
void encode(const RemovedFact& fact, std::string& out);
void encode_clock(Time now, std::string& out);

/// The kind of an encoded fact; corrupt when it is empty or unknown.
Result<FactKind> kind_of(std::string_view bytes);

/// Each reads a fact of its kind; texts point into `bytes`. Corrupt when the bytes do not fit.
Result<JobFact> decode_job(std::string_view bytes);
Result<StateFact> decode_state(std::string_view bytes);
Result<MovedFact> decode_moved(std::string_view bytes);
Result<QueueFact> decode_queue(std::string_view bytes);
Result<RegisterFact> decode_register(std::string_view bytes);
Result<OnceFact> decode_once(std::string_view bytes);
Result<RemovedFact> decode_removed(std::string_view bytes);
Result<Time> decode_clock(std::string_view bytes);

}  // namespace coworker::engine
