#include "worker/ending.h"

#include <fmt/format.h>

#include <algorithm>

namespace coworker::worker {
namespace {

std::string last_line(const std::string& text) {
  constexpr std::size_t kLongest = 512;
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return {};
  const std::size_t newline = text.find_last_of('\n', end);
  const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
  return text.substr(start, std::min(kLongest, end - start + 1));
}

Outcome::Kind kind_of(const proc::Certificate& end) {
  if (end.killed == proc::Killed::process_timeout) return Outcome::Kind::failed;
  if (end.killed != proc::Killed::no) return Outcome::Kind::stopped;
  if (end.crashed()) return Outcome::Kind::crashed;
  return end.exit.clean() ? Outcome::Kind::ok : Outcome::Kind::failed;
}

std::string reason_of(const proc::Certificate& end) {
  std::string reason = end.describe();
  if (const std::string line = last_line(end.error_output); !line.empty()) reason += ": " + line;
  return reason;
}

}  // namespace

Outcome outcome_of(Result<proc::Certificate> end) {
  if (!end) return Outcome::failed(end.error().message());
  Outcome outcome;
  outcome.kind = kind_of(*end);
  if (outcome.kind == Outcome::Kind::ok) {
    outcome.result = end->output;
  } else {
    outcome.reason = reason_of(*end);
  }
  outcome.certificate = std::move(*end);
  return outcome;
}

Outcome outcome_with_answer(Outcome answer, Result<proc::Certificate> end) {
  if (!end) return answer;
  if (answer.kind != Outcome::Kind::ok && end->killed != proc::Killed::no) {
    if (end->killed == proc::Killed::process_timeout) {
      answer.reason = fmt::format("process timeout of {} ms exceeded: {}", end->limit.count(), answer.reason);
    } else {
      answer.kind = Outcome::Kind::stopped;
    }
  }
  answer.certificate = std::move(*end);
  return answer;
}

Outcome outcome_without_answer(Result<proc::Certificate> end) {
  if (!end) return Outcome::failed(end.error().message());
  Outcome outcome;
  outcome.kind = kind_of(*end);
  outcome.reason = reason_of(*end);
  if (end->killed == proc::Killed::no) {
    outcome.kind = Outcome::Kind::crashed;
    outcome.reason = "ended without an answer: " + outcome.reason;
  }
  outcome.certificate = std::move(*end);
  return outcome;
}

}  // namespace coworker::worker
