#include "worker/json_conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "job/json_text.h"

namespace coworker::worker {
namespace {

constexpr std::size_t kShown = 120;

/// JSON of a string to the string; other JSON stays as it is.
std::string text_of(std::string_view value) {
  if (value.empty() || value.front() != '"') return std::string{value};
  // A member's key is decoded, so the string is made one.
  const std::string object = fmt::format("{{{}:0}}", value);
  return job::json_members(object).front().key;
}

std::optional<double> number_of(std::string_view value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return number;
}

Heard garbage(std::string_view line, std::string_view why) {
  Heard heard;
  heard.kind = Heard::Kind::garbage;
  heard.outcome = Outcome::failed(
      fmt::format("the worker's reply {}: {}{}", why, line.substr(0, kShown), line.size() > kShown ? "…" : ""));
  return heard;
}

/// The members of a reply that we know.
struct Reply {
  std::optional<std::string> id;
  std::optional<bool> ok;
  std::string result;
  std::string error;
  Report report;
  bool is_valid = true;
};

Reply parse_reply(std::string_view line) {
  Reply reply;
  for (const job::JsonMember& member : job::json_members(line)) {
    if (member.key == "id") reply.id = text_of(member.value);
    if (member.key == "ok") {
      reply.is_valid = reply.is_valid && (member.value == "true" || member.value == "false");
      reply.ok = member.value == "true";
    }
    if (member.key == "result") reply.result = member.value == "null" ? "" : text_of(member.value);
    if (member.key == "error") reply.error = text_of(member.value);
    if (member.key == "text") reply.report.text = log_line(text_of(member.value)).text;
    if (member.key == "progress") {
      reply.report.progress = number_of(member.value);
      reply.is_valid = reply.is_valid && reply.report.progress.has_value();
    }
  }
  if (reply.report.progress) reply.report.progress = std::clamp(*reply.report.progress, 0.0, 1.0);
  return reply;
}

bool is_object(std::string_view line) {
  return !line.empty() && line.front() == '{' && job::check_json(line).has_value();
}

std::string in_one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

std::string json_request(const Job& job, bool one_line) {
  std::string text;
  text.reserve(job.body.size() + job.metadata.size() + job.id.size() + job.queue.size() + 80);
  text += R"({"id":)";
  text += job::json_string(job.id);
  text += R"(,"queue":)";
  text += job::json_string(job.queue);
  text += R"(,"body":)";
  text += one_line ? in_one_line(job.body) : job.body;
  text += R"(,"metadata":)";
  text += one_line ? in_one_line(job.metadata) : job.metadata;
  text += R"(,"attempt":)";
  text += std::to_string(job.attempt);
  text += "}\n";
  return text;
}

Result<Job> parse_json_request(std::string_view text) {
  if (Result<> valid = job::check_json(text); !valid) return tl::unexpected{std::move(valid).error()};
  Job job;
  for (const job::JsonMember& member : job::json_members(text)) {
    if (member.key == "id") job.id = text_of(member.value);
    if (member.key == "queue") job.queue = text_of(member.value);
    if (member.key == "body") job.body = member.value;
    if (member.key == "metadata") job.metadata = member.value;
    if (member.key == "attempt") {
      std::from_chars(member.value.data(), member.value.data() + member.value.size(), job.attempt);
    }
  }
  return job;
}

std::string json_answer(const std::string& id, const Outcome& outcome) {
  const bool is_ok = outcome.kind == Outcome::Kind::ok;
  return fmt::format("{{\"id\":{},\"ok\":{},\"{}\":{}}}\n", job::json_string(id), is_ok, is_ok ? "result" : "error",
                     job::json_string(is_ok ? outcome.result : outcome.reason));
}

std::string json_report(const std::string& id, const Report& report) {
  const std::string progress = report.progress ? fmt::format(",\"progress\":{}", *report.progress) : std::string{};
  return fmt::format("{{\"id\":{}{},\"text\":{}}}\n", job::json_string(id), progress, job::json_string(report.text));
}

Report read_report(std::string_view line) {
  if (is_object(line)) {
    Reply reply = parse_reply(line);
    if (reply.is_valid) return std::move(reply.report);
  }
  return log_line(line);
}

Result<std::string> JsonConversation::request(const Job& job) {
  id_ = job.id;
  return json_request(job, true);
}

Heard JsonConversation::hear(std::string_view line) {
  if (line.find_first_not_of(" \t") == std::string_view::npos) return {};
  if (!is_object(line)) return garbage(line, "is no JSON object in one line");
  Reply reply = parse_reply(line);
  if (!reply.is_valid) return garbage(line, "has a member of a wrong type");
  Heard heard;
  if (!reply.ok) {
    const bool is_ours = id_ && (!reply.id || *reply.id == *id_);
    heard.kind = is_ours ? Heard::Kind::report : Heard::Kind::nothing;
    heard.report = std::move(reply.report);
    return heard;
  }
  if (!reply.id) return garbage(line, "has no id");
  if (!id_ || *reply.id != *id_) return garbage(line, "is for a job that it does not have");
  id_.reset();
  heard.kind = Heard::Kind::answer;
  if (*reply.ok) {
    heard.outcome = Outcome::ok(std::move(reply.result));
  } else {
    heard.outcome = Outcome::failed(reply.error.empty() ? "the worker says that it failed" : std::move(reply.error));
  }
  return heard;
}

}  // namespace coworker::worker
