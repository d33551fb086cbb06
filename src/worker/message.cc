#include "worker/message.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/parse.hpp>
#include <charconv>
#include <type_traits>

#include "job/json_text.h"
#include "worker/status.h"

namespace coworker::worker {
namespace {

enum class Kind : std::uint8_t { stop, query, status, hello, request, reply, progress, cancel, fault, stopping };

struct Name {
  std::string_view key;
  Kind kind;
  Dialect from;  // the least dialect that knows it
};

constexpr std::array kNames{
    Name{"_stop_", Kind::stop, Dialect::shared},       Name{"_query_", Kind::query, Dialect::shared},
    Name{"_status_", Kind::status, Dialect::shared},   Name{"_hello_", Kind::hello, Dialect::full},
    Name{"_request_", Kind::request, Dialect::full},   Name{"_reply_", Kind::reply, Dialect::full},
    Name{"_progress_", Kind::progress, Dialect::full}, Name{"_cancel_", Kind::cancel, Dialect::full},
    Name{"_fault_", Kind::fault, Dialect::full},       Name{"_stopping_", Kind::stopping, Dialect::full},
};

struct Found {
  const Name* name = nullptr;
  std::string_view value;
};

/// Looks at no more than the first key for almost all messages of applications.
bool may_be_ours(std::string_view json) {
  const std::size_t key = json.find_first_not_of(" \t\r\n", 1);
  return json.starts_with('{') && key != std::string_view::npos &&
         (json.substr(key).starts_with("\"_") || json.substr(key).starts_with("\"\\"));
}

Found find_name(std::string_view json, Dialect dialect) {
  if (dialect == Dialect::none || !may_be_ours(json)) return {};
  const std::vector<job::JsonMember> members = job::json_members(json);
  if (members.size() != 1) return {};
  for (const Name& name : kNames) {
    if (name.key == members[0].key && name.from <= dialect) return {&name, members[0].value};
  }
  return {};
}

/// The text of a JSON string; nullopt for anything else.
std::optional<std::string> string_of(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  if (error || !value.is_string()) return std::nullopt;
  return std::string{value.as_string()};
}

std::optional<std::uint64_t> number_of(std::string_view json) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), number);
  if (error != std::errc{} || end != json.data() + json.size()) return std::nullopt;
  return number;
}

/// The members that our messages have.
struct Members {
  std::optional<std::uint64_t> id;
  std::optional<std::string> body;
  std::string code;
  std::string text;
  std::string build;
  std::uint64_t version = 0;
  std::uint64_t pid = 0;
  std::uint64_t connections = 0;
  std::uint64_t drain_ms = 0;
};

Members members_of(std::string_view json) {
  Members members;
  for (const job::JsonMember& each : job::json_members(json)) {
    if (each.key == "id") members.id = number_of(each.value);
    if (each.key == "body") members.body = std::string{each.value};
    if (each.key == "code") members.code = string_of(each.value).value_or("");
    if (each.key == "text") members.text = string_of(each.value).value_or("");
    if (each.key == "build") members.build = string_of(each.value).value_or("");
    if (each.key == "version") members.version = number_of(each.value).value_or(0);
    if (each.key == "pid") members.pid = number_of(each.value).value_or(0);
    if (each.key == "connections") members.connections = number_of(each.value).value_or(0);
    if (each.key == "drain_ms") members.drain_ms = number_of(each.value).value_or(0);
  }
  return members;
}

tl::unexpected<Error> senseless(const Name& name) {
  return fail(Errc::invalid_argument, fmt::format("a message '{}' makes no sense", name.key));
}

template <class T>
Result<Said> with_id_and_body(const Name& name, Members members) {
  if (!members.id || !members.body) return senseless(name);
  return T{*members.id, std::move(*members.body)};
}

template <class T>
std::string admin(std::string_view key, const T& cookie) {
  return fmt::format("{{\"{}\":{}}}", key, cookie ? job::json_string(*cookie) : "null");
}

std::string carried(std::string_view key, std::uint64_t id, const std::string& body) {
  return fmt::format("{{\"{}\":{{\"id\":{},\"body\":{}}}}}", key, id, body);
}

struct Writer {
  std::string operator()(const ApplicationMessage& said) const { return said.body; }
  std::string operator()(const StopMessage& said) const { return admin("_stop_", said.cookie); }
  std::string operator()(const QueryMessage& said) const { return admin("_query_", said.cookie); }
  std::string operator()(const StatusMessage& said) const {
    return fmt::format("{{\"_status_\":{}}}", to_json(said.status));
  }
  std::string operator()(const HelloMessage& said) const {
    return fmt::format("{{\"_hello_\":{{\"version\":{},\"build\":{},\"pid\":{}}}}}", said.version,
                       job::json_string(said.build), said.pid);
  }
  std::string operator()(const RequestMessage& said) const { return carried("_request_", said.id, said.body); }
  std::string operator()(const ReplyMessage& said) const { return carried("_reply_", said.id, said.body); }
  std::string operator()(const ProgressMessage& said) const { return carried("_progress_", said.id, said.body); }
  std::string operator()(const CancelMessage& said) const {
    return fmt::format("{{\"_cancel_\":{{\"id\":{}}}}}", said.id);
  }
  std::string operator()(const FaultMessage& said) const {
    return fmt::format("{{\"_fault_\":{{\"id\":{},\"code\":{},\"text\":{}}}}}",
                       said.id ? std::to_string(*said.id) : "null", job::json_string(said.code),
                       job::json_string(said.text));
  }
  std::string operator()(const StoppingMessage& said) const {
    return fmt::format("{{\"_stopping_\":{{\"connections\":{},\"drain_ms\":{}}}}}", said.connections, said.drain_ms);
  }
};

}  // namespace

Result<Said> parse_message(std::string_view json, Dialect dialect) {
  const Found found = find_name(json, dialect);
  if (found.name == nullptr) return ApplicationMessage{std::string{json}};
  switch (found.name->kind) {
    case Kind::stop:
      return StopMessage{string_of(found.value)};
    case Kind::query:
      return QueryMessage{string_of(found.value)};
    case Kind::status: {
      Result<Status> status = parse_status(found.value);
      if (!status) return tl::unexpected{std::move(status).error()};
      return StatusMessage{std::move(*status)};
    }
    default:
      break;
  }
  Members members = members_of(found.value);
  switch (found.name->kind) {
    case Kind::hello:
      return HelloMessage{static_cast<int>(members.version), members.build, static_cast<std::int64_t>(members.pid)};
    case Kind::request:
      return with_id_and_body<RequestMessage>(*found.name, std::move(members));
    case Kind::reply:
      return with_id_and_body<ReplyMessage>(*found.name, std::move(members));
    case Kind::progress:
      return with_id_and_body<ProgressMessage>(*found.name, std::move(members));
    case Kind::cancel:
      if (!members.id) return senseless(*found.name);
      return CancelMessage{*members.id};
    case Kind::fault:
      return FaultMessage{members.id, std::move(members.code), std::move(members.text)};
    default:
      return StoppingMessage{members.connections, members.drain_ms};
  }
}

std::string to_json(const Said& message) {
  return std::visit(Writer{}, message);
}

bool is_ambiguous(std::string_view json, Dialect dialect) {
  return find_name(job::trim_json(json), dialect).name != nullptr;
}

}  // namespace coworker::worker
