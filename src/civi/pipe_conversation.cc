#include "civi/pipe_conversation.h"

#include <fmt/format.h>

#include <charconv>

#include "job/json_text.h"

namespace coworker::civi {
namespace {

using worker::Heard;
using worker::Outcome;
using worker::Report;

// No answer of PHP holds it: its JSON is ASCII, with all control characters escaped.
constexpr std::string_view kPrefix = "\x01\x01";
constexpr std::string_view kAnswerMark = "{\"jsonrpc\"";
constexpr std::size_t kNoiseKept = 512;
constexpr std::size_t kShown = 200;

constexpr std::int64_t kParseError = -32'700;
constexpr std::int64_t kInvalidRequest = -32'600;

/// A JSON-RPC answer, as views of its line.
struct Answer {
  bool is_valid = false;
  std::string_view id;  // empty: it has none
  std::string_view result;
  std::string_view error;
};

Answer parse_answer(std::string_view text) {
  Answer answer;
  if (text.empty() || text.front() != '{' || !job::check_json(text)) return answer;
  for (const job::JsonMember& member : job::json_members(text)) {
    if (member.key == "jsonrpc") answer.is_valid = member.value == "\"2.0\"";
    if (member.key == "id") answer.id = member.value;
    if (member.key == "result") answer.result = member.value;
    if (member.key == "error") answer.error = member.value;
  }
  answer.is_valid = answer.is_valid && answer.result.empty() != answer.error.empty();
  return answer;
}

/// JSON of a string to the string; other JSON stays as it is.
std::string text_of(std::string_view value) {
  if (value.empty() || value.front() != '"') return std::string{value};
  const std::string object = fmt::format("{{{}:0}}", value);
  return job::json_members(object).front().key;
}

std::int64_t number_of(std::string_view text) {
  if (text.size() > 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

struct Failure {
  std::int64_t code = 0;
  std::string message;
};

Failure failure_of(std::string_view error) {
  Failure failure;
  for (const job::JsonMember& member : job::json_members(error)) {
    if (member.key == "code") failure.code = number_of(member.value);
    if (member.key == "message") failure.message = text_of(member.value);
  }
  if (failure.message.empty()) failure.message = fmt::format("error {}", failure.code);
  return failure;
}

Heard bad(Heard::Kind kind, std::string why) {
  Heard heard;
  heard.kind = kind;
  heard.outcome = Outcome::failed(std::move(why));
  return heard;
}

}  // namespace

PipeConversation::PipeConversation(Terms terms, Identity identity, Greeted greeted)
    : terms_{std::move(terms)}, identity_{identity}, greeted_{std::move(greeted)} {}

std::string PipeConversation::open(std::string_view method, std::string_view params) {
  is_open_ = true;
  const std::string id = std::to_string(++last_id_);
  std::string line;
  line.reserve(params.size() + 80);
  line += R"({"jsonrpc":"2.0","id":)";
  line += id;
  line += R"(,"method":")";
  line += method;
  line += R"(","params":)";
  line += params;
  line += "}\n";
  return line;
}

Result<std::string> PipeConversation::request(const worker::Job& job) {
  std::string line = open("api4", job.body);
  if (line.size() - 1 > buffer_size_) {
    is_open_ = false;
    return fail(Errc::invalid_argument, fmt::format("the request has {} bytes, and the other side takes {} at most",
                                                    line.size() - 1, buffer_size_));
  }
  return line;
}

Heard PipeConversation::hear(std::string_view line) {
  if (stage_ == Stage::greeting) return hear_greeting(line);
  Report before;
  if (const std::size_t prefix = line.rfind(kPrefix); prefix != std::string_view::npos) {
    if (prefix > 0) before = worker::log_line(line.substr(0, prefix));
    const std::string_view answer = line.substr(prefix + kPrefix.size());
    if (!answer.empty()) return hear_answer(answer, std::move(before));
    // It has failed to write its answer as JSON, and goes on.
    if (!is_open_ || stage_ != Stage::ready) return {};
    is_open_ = false;
    return bad(Heard::Kind::answer, "the other side could not encode its answer");
  }
  if (has_prefix_) return noise(line);
  const std::size_t mark = line.rfind(kAnswerMark);
  if (mark == std::string_view::npos || !parse_answer(line.substr(mark)).is_valid) return noise(line);
  if (mark > 0) before = worker::log_line(line.substr(0, mark));
  return hear_answer(line.substr(mark), std::move(before));
}

Heard PipeConversation::noise(std::string_view text) {
  if (!is_ready() && noise_.size() < kNoiseKept && !text.empty()) {
    if (!noise_.empty()) noise_ += " | ";
    noise_ += text.substr(0, kNoiseKept - std::min(kNoiseKept, noise_.size()));
  }
  Heard heard;
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return heard;
  heard.kind = Heard::Kind::report;
  heard.report = worker::log_line(text);
  return heard;
}

Heard PipeConversation::hear_greeting(std::string_view line) {
  Result<std::optional<Greeting>> greeting = parse_greeting(line);
  if (!greeting) return bad(Heard::Kind::garbage, greeting.error().message());
  if (!*greeting) return noise(line);
  if (const Result<> fine = check_greeting(**greeting, terms_.least_version); !fine) {
    return bad(Heard::Kind::garbage, fine.error().message());
  }
  if (!identity_.is_nobody() && !(*greeting)->can_log_in) {
    return bad(
        Heard::Kind::refusal,
        fmt::format("tasks of contact {} cannot run: the site offers no login, its extension AuthX is not active",
                    identity_.contact));
  }
  if (greeted_) *greeted_ = **greeting;
  stage_ = Stage::options;
  Heard heard;
  heard.send =
      open("options", fmt::format(R"({{"responsePrefix":"\u0001\u0001","apiCheckPermissions":false,"bufferSize":{}}})",
                                  terms_.buffer_size));
  return heard;
}

Heard PipeConversation::hear_answer(std::string_view text, Report before) {
  const Answer answer = parse_answer(text);
  const std::string shown = fmt::format("{}{}", text.substr(0, kShown), text.size() > kShown ? "…" : "");
  if (!answer.is_valid) return bad(Heard::Kind::garbage, "its answer is no JSON-RPC: " + shown);
  if (!is_open_) return bad(Heard::Kind::garbage, "it answers what nobody asked: " + shown);
  Failure failure;
  if (!answer.error.empty()) failure = failure_of(answer.error);
  const bool is_of_no_request = failure.code == kParseError || failure.code == kInvalidRequest;
  const bool is_ours = answer.id.empty() ? is_of_no_request : answer.id == std::to_string(last_id_);
  if (!is_ours)
    return bad(Heard::Kind::garbage, fmt::format("it answers another request than {}: {}", last_id_, shown));
  is_open_ = false;
  const bool is_error = !answer.error.empty();
  if (stage_ == Stage::options) {
    return is_error ? bad(Heard::Kind::garbage, "it refuses our options: " + failure.message)
                    : hear_options(answer.result);
  }
  if (stage_ == Stage::login) {
    return is_error ? bad(Heard::Kind::refusal, fmt::format("contact {} of domain {} cannot log in: {}",
                                                            identity_.contact, identity_.domain, failure.message))
                    : settled();
  }
  Heard heard;
  heard.kind = Heard::Kind::answer;
  heard.report = std::move(before);
  heard.outcome = is_error ? Outcome::failed(std::move(failure.message)) : Outcome::ok(std::string{answer.result});
  return heard;
}

Heard PipeConversation::hear_options(std::string_view result) {
  for (const job::JsonMember& member : job::json_members(result)) {
    if (member.key == "responsePrefix") has_prefix_ = text_of(member.value) == kPrefix;
    if (member.key == "bufferSize" && number_of(member.value) > 0) {
      buffer_size_ = static_cast<std::uint64_t>(number_of(member.value));
    }
  }
  if (identity_.is_nobody()) return settled();
  stage_ = Stage::login;
  Heard heard;
  heard.send = open("login", identity_.domain > 0 ? fmt::format(R"({{"contactId":"{}","domainId":"{}"}})",
                                                                identity_.contact, identity_.domain)
                                                  : fmt::format(R"({{"contactId":"{}"}})", identity_.contact));
  return heard;
}

Heard PipeConversation::settled() {
  stage_ = Stage::ready;
  return {};
}

}  // namespace coworker::civi
