#include <array>
#include <unordered_map>

#include "channel/resp/encode.h"
#include "net/resp/command.h"
#include "net/resp/handlers.h"

namespace coworker::net::resp {
namespace {

constexpr CommandSpec kCommands[] = {
    // name, words, flags, handler
    {"auth", 2, kNoAuth | kHidden | kFast, run_auth},
    {"ping", -1, kFast, run_ping},
    {"info", -1, kReadOnly | kAfterAdds, run_info},
    {"shutdown", -1, kAdmin, run_shutdown},
    {"monitor", 1, kAdmin | kHidden, run_monitor},
    {"debug", -2, kAdmin | kAfterAdds, run_debug},
    {"config", -2, kAdmin | kHidden, run_config},
    {"cluster", -2, kAdmin | kAfterAdds, run_cluster},
    {"client", -2, kAdmin, run_client},
    {"slowlog", -2, kAdmin, run_slowlog},
    {"time", 1, kReadOnly | kFast, run_time},
    {"command", 0, kReadOnly, run_command},
    {"latency", -2, kAdmin, run_latency},
    {"hello", 1, kReadOnly | kFast, run_hello},
    {"addjob", -4, kWrite | kGrows | kFast, run_addjob},
    {"getjob", -2, kWrite | kFast | kAfterAdds | kClaims, run_getjob},
    {"ackjob", -1, kWrite | kFast, run_ackjob},
    {"fastack", -1, kWrite | kFast, run_ackjob},
    {"deljob", -1, kWrite | kFast, run_deljob},
    {"show", 2, kReadOnly | kFast, run_show},
    {"loadjob", 2, kWrite, run_loadjob},
    {"bgrewriteaof", 1, kAdmin, run_bgrewriteaof},
    {"qlen", 2, kReadOnly | kFast | kAfterAdds, run_qlen},
    {"qpeek", 3, kReadOnly | kAfterAdds | kClaims, run_qpeek},
    {"qstat", 2, kReadOnly | kFast | kAfterAdds, run_qstat},
    {"qscan", -1, kReadOnly | kAfterAdds, run_qscan},
    {"jscan", -1, kReadOnly | kAfterAdds | kClaims, run_jscan},
    {"enqueue", -1, kWrite | kGrows | kFast, run_enqueue},
    {"nack", -1, kWrite | kGrows | kFast, run_nack},
    {"dequeue", -1, kWrite | kFast, run_dequeue},
    {"working", 2, kWrite | kFast, run_working},
    {"pause", -3, kWrite | kFast, run_pause},
    // coworker's own
    {"cw.hello", -1, kReadOnly | kFast, run_cw_hello},
    {"cw.add", -3, kWrite | kGrows | kFast, run_cw_add},
    {"cw.claim", -5, kWrite | kFast | kAfterAdds | kClaims, run_cw_claim},
    {"cw.claimfor", -6, kWrite | kFast | kAfterAdds | kClaims, run_cw_claimfor},
    {"cw.disown", -2, kWrite | kFast, run_cw_disown},
    {"cw.cancel", 2, kFast, run_cw_cancel},
    {"cw.ack", -3, kWrite | kFast, run_cw_ack},
    {"cw.release", -3, kWrite | kFast, run_cw_release},
    {"cw.extend", -4, kWrite | kFast, run_cw_extend},
    {"cw.retry", -6, kWrite | kFast, run_cw_retry},
    {"cw.bury", -6, kWrite | kFast, run_cw_bury},
    {"cw.revive", -4, kWrite | kFast, run_cw_revive},
    {"cw.move", -4, kWrite | kFast, run_cw_move},
    {"cw.nack", -3, kWrite | kFast, run_cw_nack},
    {"cw.held", -3, kReadOnly | kFast, run_cw_held},
    {"cw.record", -3, kWrite | kGrows | kFast, run_cw_record},
    {"cw.history", 4, kReadOnly, run_cw_history},
    {"cw.forget", 3, kWrite | kFast, run_cw_forget},
    {"cw.queue", -2, kWrite | kFast | kAfterAdds, run_cw_queue},
    {"cw.queues", 3, kReadOnly | kAfterAdds, run_cw_queues},
    {"cw.jobs", -3, kReadOnly | kAfterAdds | kClaims, run_cw_jobs},
    {"cw.show", 2, kReadOnly | kFast, run_cw_show},
    {"cw.peek", 3, kReadOnly | kAfterAdds | kClaims, run_cw_peek},
    {"cw.purge", 2, kWrite | kAfterAdds, run_cw_purge},
    {"cw.stat", 1, kReadOnly | kFast | kAfterAdds, run_cw_stat},
};

constexpr std::size_t kLongestName = 16;

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::span<const CommandSpec> commands() {
  return kCommands;
}

const CommandSpec* find_command(std::string_view name) {
  static const auto kByName = [] {
    std::unordered_map<std::string_view, const CommandSpec*> map;
    for (const CommandSpec& spec : kCommands) map.emplace(spec.name, &spec);
    return map;
  }();
  if (name.size() > kLongestName) return nullptr;
  std::array<char, kLongestName> lowered;
  for (std::size_t i = 0; i < name.size(); ++i) lowered[i] = lower(name[i]);
  const auto found = kByName.find(std::string_view{lowered.data(), name.size()});
  return found == kByName.end() ? nullptr : found->second;
}

bool same_word(std::string_view word, std::string_view keyword) {
  if (word.size() != keyword.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower(word[i]) != keyword[i]) return false;
  }
  return true;
}

void Call::error(std::string_view text) {
  channel::resp::append_error(reply(), text);
}
void Call::ok() {
  channel::resp::append_simple(reply(), "OK");
}
void Call::wrong_arity() {
  std::string text = "ERR wrong number of arguments for '";
  text.append(spec.name).append("' command");
  error(text);
}

}  // namespace coworker::net::resp
