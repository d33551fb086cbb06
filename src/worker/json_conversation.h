#pragma once

#include <optional>

#include "worker/conversation.h"

namespace coworker::worker {

/// JSON objects, one a line (docs/workers.md is the same for authors of workers):
///
///   request   {"id":"…","queue":"…","body":…,"metadata":{…},"attempt":1}
///   answer    {"id":"…","ok":true,"result":…}          a result that is a string is taken without its quotes
///             {"id":"…","ok":false,"error":"…"}
///   report    {"id":"…","progress":0.5,"text":"…"}     one of the two is enough, and the id may be left out
class JsonConversation : public Conversation {
 public:
  Result<std::string> request(const Job& job) override;
  Heard hear(std::string_view line) override;

 private:
  std::optional<std::string> id_;  // of the job that is open
};

/// The request. `one_line`: line breaks, which JSON allows between values only, become blanks; else body and metadata
/// stand in it to the byte.
std::string json_request(const Job& job, bool one_line);

/// One job out of such a text; an error when it is none.
Result<Job> parse_json_request(std::string_view text);

std::string json_answer(const std::string& id, const Outcome& outcome);
std::string json_report(const std::string& id, const Report& report);

/// A line of a program that only reports: an object as above, and anything else is text for the log.
Report read_report(std::string_view line);

}  // namespace coworker::worker
