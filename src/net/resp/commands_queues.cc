#include <limits>

#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

namespace coworker::net::resp {

void run_qlen(Call& call) {
  call.ask(job::QueueStat{std::string{call.words[1]}}, format_queue_length);
}

void run_qstat(Call& call) {
  call.ask(job::QueueStat{std::string{call.words[1]}}, format_queue_stat);
}

void run_qpeek(Call& call) {
  job::Peek peek{.queue = std::string{call.words[1]}, .count = 0};
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (!read_integer(call, 2, "count", peek.count, -kMost, kMost)) return;
  call.session.ask(std::move(peek), format_peek, 0, Session::Kind::claim);
}

/// The words in, out, all and none together are the new state; state and bcast change nothing here.
void run_pause(Call& call) {
  bool in = false;
  bool out = false;
  bool changes = false;
  for (const std::string_view word : call.words.subspan(2)) {
    if (same_word(word, "state") || same_word(word, "bcast")) continue;
    changes = true;
    if (same_word(word, "in")) {
      in = true;
    } else if (same_word(word, "out")) {
      out = true;
    } else if (same_word(word, "all")) {
      in = out = true;
    } else if (same_word(word, "none")) {
      in = out = false;
    } else {
      return call.error("ERR expected in, out, all, none, state or bcast");
    }
  }
  std::string queue{call.words[1]};
  if (!changes) return call.ask(job::QueueStat{std::move(queue)}, format_queue_pause);
  call.ask(job::SetQueue{.queue = std::move(queue), .pause_in = in, .pause_out = out}, format_queue_pause);
}

}  // namespace coworker::net::resp
