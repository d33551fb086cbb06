#include "store/disque/reply_fields.h"

#include <fmt/format.h>

#include <array>

#include "channel/resp/number.h"

namespace coworker::store::disque {
namespace {

struct Code {
  std::string_view word;
  Errc errc;
};

constexpr std::array kCodes{
    Code{"ERR", Errc::invalid_argument},    Code{"BADID", Errc::invalid_argument},
    Code{"NOAUTH", Errc::denied},           Code{"NOJOB", Errc::not_found},
    Code{"TOOLATE", Errc::conflict},        Code{"NOREPL", Errc::unavailable},
    Code{"LEAVING", Errc::unavailable},     Code{"LOADING", Errc::unavailable},
    Code{"PAUSED", Errc::unavailable},      Code{"MAXLEN", Errc::resource_exhausted},
    Code{"OOM", Errc::resource_exhausted},  Code{"MISCONF", Errc::resource_exhausted},
    Code{"STALE", Errc::conflict},          Code{"CONFLICT", Errc::conflict},
    Code{"UNAVAILABLE", Errc::unavailable}, Code{"CORRUPT", Errc::corrupt},
};

template <class T>
T narrow(std::int64_t value) {
  return static_cast<T>(value);
}

job::State state_of(std::string_view text) {
  for (const job::State state : {job::State::scheduled, job::State::ready, job::State::leased}) {
    if (to_string(state) == text) return state;
  }
  return job::State::gone;
}

}  // namespace

Error error_of(const Reply& reply) {
  const std::string_view word = reply.error_code();
  for (const Code& code : kCodes) {
    if (code.word == word) return Error{code.errc, std::string{reply.text}};
  }
  return Error{Errc::internal, std::string{reply.text}};
}

tl::unexpected<Error> unexpected_reply(std::string_view to) {
  return fail(Errc::internal, fmt::format("unexpected reply to {}", to));
}

bool is_fields(const Reply& reply) {
  return reply.type == Reply::Type::array && reply.elements.size() % 2 == 0;
}

const Reply* Fields::find(std::string_view name) const {
  for (std::size_t i = 0; i + 1 < reply_.elements.size(); i += 2) {
    if (reply_.elements[i].is_text() && reply_.elements[i].text == name) return &reply_.elements[i + 1];
  }
  return nullptr;
}

std::string Fields::text(std::string_view name) const {
  const Reply* found = find(name);
  return found != nullptr && found->is_text() ? std::string{found->text} : std::string{};
}

std::int64_t Fields::number(std::string_view name) const {
  const Reply* found = find(name);
  return found == nullptr ? 0 : integer_of(*found).value_or(0);
}

bool Fields::flag(std::string_view name) const {
  return number(name) != 0 || text(name) == "yes";
}

std::optional<Millis> Fields::millis_or_none(std::string_view name) const {
  const Reply* found = find(name);
  const std::optional<std::int64_t> value = found == nullptr ? std::nullopt : integer_of(*found);
  return value ? std::optional{Millis{*value}} : std::nullopt;
}

std::optional<std::int64_t> integer_of(const Reply& reply) {
  if (reply.type == Reply::Type::integer) return reply.integer;
  return reply.is_text() ? channel::resp::parse_integer(reply.text) : std::nullopt;
}

std::optional<std::uint64_t> unsigned_of(const Reply& reply) {
  if (reply.type == Reply::Type::integer && reply.integer >= 0) return static_cast<std::uint64_t>(reply.integer);
  return reply.is_text() ? channel::resp::parse_unsigned(reply.text) : std::nullopt;
}

Result<job::View> view_of(const Reply& reply) {
  if (!is_fields(reply)) return unexpected_reply("a question about a job");
  const Fields fields{reply};
  const std::optional<job::JobId> id = job::parse_id(fields.text("id"));
  if (!id) return unexpected_reply("a question about a job");
  job::View view;
  view.id = *id;
  view.queue = fields.text("queue");
  view.body = fields.text("body");
  view.state = state_of(fields.text("state"));
  view.priority = narrow<std::int8_t>(fields.number("priority"));
  view.replicas = narrow<std::uint16_t>(fields.number("replicas"));
  view.created = narrow<std::uint64_t>(fields.number("created"));
  view.ttl_left = Seconds{fields.number("ttl_left")};
  view.delay = Millis{fields.number("delay")};
  view.retry = Seconds{fields.number("retry")};
  view.nacks = narrow<std::uint16_t>(fields.number("nacks"));
  view.additional_deliveries = narrow<std::uint16_t>(fields.number("additional_deliveries"));
  view.attempts = narrow<std::uint16_t>(fields.number("attempts"));
  view.crashes = narrow<std::uint16_t>(fields.number("crashes"));
  view.due_in = fields.millis_or_none("due_in");
  view.group = fields.text("group");
  view.unique_key = fields.text("unique_key");
  view.origin = fields.text("origin");
  view.reason = fields.text("reason");
  return view;
}

Result<job::QueueView> queue_view_of(const Reply& reply) {
  if (!is_fields(reply)) return unexpected_reply("a question about a queue");
  const Fields fields{reply};
  job::QueueView view;
  view.name = fields.text("name");
  view.ready = narrow<std::uint64_t>(fields.number("ready"));
  view.scheduled = narrow<std::uint64_t>(fields.number("scheduled"));
  view.leased = narrow<std::uint64_t>(fields.number("leased"));
  view.dead = narrow<std::uint64_t>(fields.number("dead"));
  view.age = Seconds{fields.number("age")};
  view.idle = Seconds{fields.number("idle")};
  view.oldest_ready = fields.millis_or_none("oldest_ready");
  view.blocked = narrow<std::uint64_t>(fields.number("blocked"));
  view.jobs_in = narrow<std::uint64_t>(fields.number("jobs_in"));
  view.jobs_out = narrow<std::uint64_t>(fields.number("jobs_out"));
  view.pause_in = fields.flag("pause_in");
  view.pause_out = fields.flag("pause_out");
  view.weight = narrow<std::uint32_t>(fields.number("weight"));
  view.limit = narrow<std::uint32_t>(fields.number("limit"));
  view.group_limit = narrow<std::uint32_t>(fields.number("group_limit"));
  view.failure_queue = fields.text("failure_queue");
  return view;
}

Result<job::StoreTotals> totals_of(const Reply& reply) {
  if (!is_fields(reply)) return unexpected_reply("CW.STAT");
  const Fields fields{reply};
  job::StoreTotals totals;
  totals.jobs = narrow<std::uint64_t>(fields.number("jobs"));
  totals.ready = narrow<std::uint64_t>(fields.number("ready"));
  totals.scheduled = narrow<std::uint64_t>(fields.number("scheduled"));
  totals.leased = narrow<std::uint64_t>(fields.number("leased"));
  totals.queues = narrow<std::uint64_t>(fields.number("queues"));
  totals.added = narrow<std::uint64_t>(fields.number("added"));
  totals.acked = narrow<std::uint64_t>(fields.number("acked"));
  totals.expired = narrow<std::uint64_t>(fields.number("expired"));
  totals.buried = narrow<std::uint64_t>(fields.number("buried"));
  totals.leases_ended = narrow<std::uint64_t>(fields.number("leases_ended"));
  totals.memory = narrow<std::uint64_t>(fields.number("memory"));
  totals.disk = narrow<std::uint64_t>(fields.number("disk"));
  totals.writable = fields.flag("writable");
  totals.trouble = fields.text("trouble");
  return totals;
}

std::optional<std::uint64_t> page_cursor(const Reply& reply) {
  const bool is_page =
      reply.type == Reply::Type::array && reply.elements.size() == 2 && reply.elements[1].type == Reply::Type::array;
  return is_page ? unsigned_of(reply.elements[0]) : std::nullopt;
}

}  // namespace coworker::store::disque
