#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "channel/resp/encode.h"
#include "net/resp/handlers.h"

namespace coworker::net::resp {
namespace {

/// What one INFO shows: the node, and what its store said just now.
struct Facts {
  const Node& node;
  const job::StoreTotals& totals;
};

std::string human(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return fmt::format("{}B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.2f}K", value / 1024);
  if (bytes < 1024ULL * 1024 * 1024) return fmt::format("{:.2f}M", value / (1024 * 1024));
  return fmt::format("{:.2f}G", value / (1024.0 * 1024 * 1024));
}

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string server(const Facts& facts) {
  const Identity& identity = facts.node.identity;
  const std::int64_t uptime = (wall_millis() - facts.node.started) / 1000;
  return fmt::format(
      "disque_version:1.0-rc1\r\ndisque_git_sha1:00000000\r\ndisque_git_dirty:0\r\ndisque_build_id:{}\r\n"
      "coworker_version:{}\r\nos:Linux\r\narch_bits:64\r\nmultiplexing_api:epoll\r\ngcc_version:{}\r\n"
      "process_id:{}\r\nrun_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\nuptime_in_days:{}\r\nhz:{}\r\n"
      "executable:coworker\r\nconfig_file:\r\nstore:{}\r\n",
      identity.build, identity.version, __VERSION__, ::getpid(), identity.run, identity.port, uptime, uptime / 86'400,
      facts.node.settings.hz, identity.url);
}

std::string clients(const Facts& facts) {
  std::size_t longest = 0;
  std::size_t biggest = 0;
  std::size_t blocked = 0;
  for (const auto& [id, session] : facts.node.sessions) {
    longest = std::max(longest, session->open_replies());
    biggest = std::max(biggest, session->unread());
    blocked += session->blocked() ? 1 : 0;
  }
  return fmt::format(
      "connected_clients:{}\r\nclient_longest_output_list:{}\r\nclient_biggest_input_buf:{}\r\nblocked_clients:{}\r\n",
      facts.node.sessions.size(), longest, biggest, blocked);
}

std::string memory(const Facts&) {
  const struct mallinfo2 heap = ::mallinfo2();
  const std::uint64_t used = heap.uordblks + heap.hblkhd;
  const std::uint64_t resident = resident_bytes();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto peak = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return fmt::format(
      "used_memory:{}\r\nused_memory_human:{}\r\nused_memory_rss:{}\r\nused_memory_peak:{}\r\n"
      "used_memory_peak_human:{}\r\nmem_fragmentation_ratio:{:.2f}\r\nmem_allocator:libc\r\n",
      used, human(used), resident, peak, human(peak),
      used == 0 ? 0.0 : static_cast<double>(resident) / static_cast<double>(used));
}

std::string jobs(const Facts& facts) {
  return fmt::format("registered_jobs:{}\r\n", facts.totals.jobs);
}

std::string queues(const Facts& facts) {
  return fmt::format("registered_queues:{}\r\n", facts.totals.queues);
}

std::string persistence(const Facts& facts) {
  return fmt::format(
      "loading:0\r\naof_enabled:1\r\naof_state:on\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n"
      "aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\naof_last_bgrewrite_status:ok\r\n"
      "aof_last_write_status:{}\r\naof_current_size:{}\r\naof_base_size:{}\r\naof_pending_rewrite:0\r\n"
      "aof_buffer_length:0\r\naof_rewrite_buffer_length:0\r\naof_pending_bio_fsync:0\r\naof_delayed_fsync:0\r\n",
      facts.totals.writable ? "ok" : "err", facts.totals.disk, facts.totals.disk);
}

std::string stats(const Facts& facts) {
  const Stats& stats = facts.node.stats;
  return fmt::format(
      "total_connections_received:{}\r\ntotal_commands_processed:{}\r\ninstantaneous_ops_per_sec:{}\r\n"
      "total_net_input_bytes:{}\r\ntotal_net_output_bytes:{}\r\ninstantaneous_input_kbps:{:.2f}\r\n"
      "instantaneous_output_kbps:{:.2f}\r\nrejected_connections:{}\r\nlatest_fork_usec:0\r\n",
      stats.connections, stats.requests, stats.requests_per_second(), stats.bytes_in, stats.bytes_out,
      static_cast<double>(stats.bytes_in_per_second()) / 1024, static_cast<double>(stats.bytes_out_per_second()) / 1024,
      stats.rejected);
}

std::string cpu(const Facts&) {
  rusage self{};
  rusage children{};
  ::getrusage(RUSAGE_SELF, &self);
  ::getrusage(RUSAGE_CHILDREN, &children);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return fmt::format(
      "used_cpu_sys:{:.2f}\r\nused_cpu_user:{:.2f}\r\nused_cpu_sys_children:{:.2f}\r\nused_cpu_user_children:{:.2f}"
      "\r\n",
      seconds(self.ru_stime), seconds(self.ru_utime), seconds(children.ru_stime), seconds(children.ru_utime));
}

std::string command_stats(const Facts& facts) {
  std::string text;
  for (std::size_t i = 0; i < commands().size(); ++i) {
    const CommandStat& stat = facts.node.stats.commands[i];
    if (stat.calls == 0) continue;
    const double micros = static_cast<double>(stat.nanos) / 1000;
    text += fmt::format("cmdstat_{}:calls={},usec={:.0f},usec_per_call={:.2f}\r\n", commands()[i].name, stat.calls,
                        micros, micros / static_cast<double>(stat.calls));
  }
  return text;
}

struct Section {
  std::string_view name;
  std::string_view title;
  std::string (*text)(const Facts&);
  bool by_default;
};

constexpr Section kSections[] = {
    {"server", "Server", server, true},
    {"clients", "Clients", clients, true},
    {"memory", "Memory", memory, true},
    {"jobs", "Jobs", jobs, true},
    {"queues", "Queues", queues, true},
    {"persistence", "Persistence", persistence, true},
    {"stats", "Stats", stats, true},
    {"cpu", "CPU", cpu, true},
    {"commandstats", "Commandstats", command_stats, false},
};

std::string info(const Facts& facts, std::string_view wanted) {
  const bool all = same_word(wanted, "all");
  const bool standard = same_word(wanted, "default");
  std::string text;
  for (const Section& section : kSections) {
    if (!all && !(standard && section.by_default) && !same_word(wanted, section.name)) continue;
    if (!text.empty()) text += "\r\n";
    text += fmt::format("# {}\r\n{}", section.title, section.text(facts));
  }
  return text;
}

}  // namespace

void run_info(Call& call) {
  if (call.words.size() > 2) return call.error("ERR syntax error");
  const std::string wanted{call.words.size() == 2 ? call.words[1] : "default"};
  Session& session = call.session;
  Node& node = call.node;
  const Session::Slot slot = session.hold(nullptr, 0, Session::Kind::plain);
  node.store.apply(job::Totals{}, [&session, &node, slot, wanted](Result<job::Answer> answer) {
    if (!answer) return session.done(slot, std::move(answer));
    const auto* totals = std::get_if<job::StoreTotals>(&*answer);
    std::string reply;
    channel::resp::append_bulk(reply, info(Facts{node, totals == nullptr ? job::StoreTotals{} : *totals}, wanted));
    session.complete(slot, reply);
  });
}

}  // namespace coworker::net::resp
