#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "coworker/status.h"

/// What masters and workers say to each other: JSON texts, with one newline after each that we write.
///
/// | message                                          | from   | meaning                                           |
/// | ------------------------------------------------ | ------ | ------------------------------------------------- |
/// | any other JSON text                              | both   | an application's message                          |
/// | {"_stop_": cookie}                               | master | end (shared workers)                              |
/// | {"_query_": cookie or null}                      | master | how are you? (shared workers)                     |
/// | {"_status_": {"textStatus", "counters"}}         | worker | the answer                                        |
/// | {"_hello_": {"version", "build", "pid"}}         | worker | I speak what follows, too                         |
/// | {"_request_": {"id", "body"}}                    | master | a message that wants an answer                    |
/// | {"_reply_": {"id", "body"}}                      | worker | the answer                                        |
/// | {"_progress_": {"id", "body"}}                   | worker | on the way to it                                  |
/// | {"_cancel_": {"id"}}                             | master | the answer is not wanted any more                 |
/// | {"_fault_": {"id" or null, "code", "text"}}      | worker | why there is no answer                            |
/// | {"_stopping_": {"connections", "drain_ms"}}      | worker | the stop is accepted                              |
///
/// The first four are EXSyst Worker's JSON channel. The others are ours, and are told from an application's message
/// only after both sides announced them: the master begins its stream with kAnnouncement, white space to every other
/// peer, and the worker answers with its hello before anything else. One thing is said to peers that announced nothing,
/// because nothing comes after it: the fault that tells why a connection is closed.
namespace coworker::worker {

inline constexpr std::string_view kAnnouncement = "\t \t\n";

struct ApplicationMessage {
  std::string body;
};
struct StopMessage {
  std::optional<std::string> cookie{};
};
struct QueryMessage {
  std::optional<std::string> cookie{};
};
struct StatusMessage {
  Status status;
};
struct HelloMessage {
  int version = 1;
  std::string build{};
  std::int64_t pid = 0;
};
struct RequestMessage {
  std::uint64_t id = 0;
  std::string body;
};
struct ReplyMessage {
  std::uint64_t id = 0;
  std::string body;
};
struct ProgressMessage {
  std::uint64_t id = 0;
  std::string body;
};
struct CancelMessage {
  std::uint64_t id = 0;
};
struct FaultMessage {
  std::optional<std::uint64_t> id{};
  std::string code;
  std::string text;
};
struct StoppingMessage {
  std::uint64_t connections = 0;
  std::uint64_t drain_ms = 0;
};

using Said = std::variant<ApplicationMessage, StopMessage, QueryMessage, StatusMessage, HelloMessage, RequestMessage,
                          ReplyMessage, ProgressMessage, CancelMessage, FaultMessage, StoppingMessage>;

/// Which messages are told apart from an application's.
enum class Dialect : std::uint8_t {
  none,    // none: a dedicated worker of a master that announced nothing
  shared,  // the first four
  full,    // all
};

/// What a valid JSON text says. invalid_argument: it has the shape of a message of ours and makes no sense.
Result<Said> parse_message(std::string_view json, Dialect dialect);

/// Its JSON text without a newline; bodies must be valid JSON.
std::string to_json(const Said& message);

/// Whether an application's message would be taken for one of ours.
bool is_ambiguous(std::string_view json, Dialect dialect);

}  // namespace coworker::worker
