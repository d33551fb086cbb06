#include <fmt/format.h>

#include <string>

#include "channel/resp/encode.h"
#include "channel/resp/number.h"
#include "net/resp/format.h"
#include "net/resp/handlers.h"
#include "net/resp/options.h"

// The cluster that this node is: itself.
namespace coworker::net::resp {

using namespace channel::resp;

namespace {

struct Subcommand {
  std::string_view name;
  std::size_t least;  // words, CLUSTER included
  std::size_t most;
  void (*run)(Call&);
};

void run_meet(Call& call) {
  const std::optional<std::int64_t> port = parse_integer(call.words[3]);
  if (!port || *port < 1 || *port > 55'535) return call.error("ERR invalid node address or port");
  call.error("ERR this server does not join other nodes; it is a cluster of one");
}

void run_nodes(Call& call) {
  const Identity& identity = call.node.identity;
  append_bulk(call.reply(), fmt::format("{} :{} myself{} 0 0 connected\n", identity.node, identity.port,
                                        call.node.leaving ? ",leaving" : ""));
}

void run_myid(Call& call) {
  append_bulk(call.reply(), call.node.identity.node);
}

void run_cluster_info(Call& call) {
  append_bulk(call.reply(),
              "cluster_state:ok\r\ncluster_known_nodes:1\r\ncluster_reachable_nodes:0\r\ncluster_size:1\r\n"
              "cluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n");
}

void run_forget(Call& call) {
  if (call.words[2] == call.node.identity.node) return call.error("ERR I tried hard but I can't forget myself");
  call.error("ERR unknown node");
}

/// SOFT and HARD are the same: the ids of jobs to come begin with the node's, which is the store's for ever.
void run_reset(Call& call) {
  if (call.words.size() == 3 && !same_word(call.words[2], "soft") && !same_word(call.words[2], "hard")) {
    return call.error("ERR syntax error");
  }
  unblock_all(call.node, false);
  call.ask(job::Purge{.queue = {}, .all = true}, format_ok);
}

void run_leaving(Call& call) {
  if (call.words.size() == 2) return append_simple(call.reply(), call.node.leaving ? "yes" : "no");
  bool leaving = false;
  if (!read_switch(call, call.words[2], leaving)) return;
  call.node.leaving = leaving;
  if (leaving) unblock_all(call.node, true);
  call.ok();
}

void run_saveconfig(Call& call) {
  call.ok();
}

constexpr Subcommand kSubcommands[] = {
    {"meet", 4, 4, run_meet},         {"nodes", 2, 2, run_nodes},           {"myid", 2, 2, run_myid},
    {"info", 2, 2, run_cluster_info}, {"forget", 3, 3, run_forget},         {"reset", 2, 3, run_reset},
    {"leaving", 2, 3, run_leaving},   {"saveconfig", 2, 2, run_saveconfig},
};

}  // namespace

void unblock_all(Node& node, bool leaving) {
  for (const auto& [id, session] : node.sessions) session->unblock(leaving);
}

/// [format version, own id, [id, address, port, priority]]: the address stays empty until a node has met
/// another one, and clients use the one they dialled. Then the peers that the configuration names.
void run_hello(Call& call) {
  const Identity& identity = call.node.identity;
  std::string& out = call.reply();
  append_array(out, 3 + identity.peers.size());
  append_integer(out, 1);
  append_bulk(out, identity.node);
  append_array(out, 4);
  append_bulk(out, identity.node);
  append_bulk(out, "");
  append_bulk_number(out, identity.port);
  append_bulk(out, call.node.leaving ? "100" : "1");
  for (const OtherNode& peer : identity.peers) {
    append_array(out, 4);
    append_bulk(out, peer.node);
    append_bulk(out, peer.host);
    append_bulk_number(out, peer.port);
    append_bulk(out, "1");
  }
}

void run_cluster(Call& call) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (!same_word(call.words[1], subcommand.name)) continue;
    if (call.words.size() < subcommand.least || call.words.size() > subcommand.most) break;
    return subcommand.run(call);
  }
  call.error("ERR wrong CLUSTER subcommand or number of arguments");
}

}  // namespace coworker::net::resp
