#include "store/disque/nodes.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace coworker::store::disque {
namespace {

constexpr int kLeaving = 100;
constexpr int kUnwanted = 10;
constexpr double kBonus = 1.05;  // of the node in use
constexpr std::size_t kPrefix = 8;

}  // namespace

Nodes::Nodes(std::vector<channel::Address> configured, std::uint64_t seed) : random_{seed} {
  for (const channel::Address& address : configured) obtain(address);
}

Nodes::Node& Nodes::obtain(const channel::Address& address) {
  const auto known =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.address == address; });
  return known != nodes_.end() ? *known : nodes_.emplace_back(Node{address});
}

double Nodes::weight(int priority) {
  return priority >= kUnwanted ? 0.0 : 1.0 / (1.0 + std::log10(std::max(priority, 1)));
}

void Nodes::use(const channel::Address& at) {
  obtain(at);
  current_ = at;
  lost_.reset();
  for (Node& node : nodes_) node.jobs = 0;
}

void Nodes::learn(const Hello& hello) {
  if (!current_) return;
  for (const Hello::Peer& peer : hello.peers) {
    channel::Address address = *current_;
    if (peer.id != hello.id) {
      // Without a host it is on the machine that was dialled; nothing can be dialled at port 0.
      if (peer.port == 0 || (peer.host.empty() && address.kind != channel::Address::Kind::tcp)) continue;
      address = {channel::Address::Kind::tcp, {}, peer.host.empty() ? address.host : peer.host, peer.port};
      if (address == *current_) continue;
    }
    // A node that was named by another address before keeps that one.
    const std::string prefix = peer.id.substr(0, kPrefix);
    const auto same = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& each) {
      return peer.id != hello.id && !each.prefix.empty() && each.prefix == prefix;
    });
    Node& node = same != nodes_.end() ? *same : obtain(address);
    node.prefix = prefix;
    node.priority = peer.priority;
  }
}

void Nodes::count(const job::JobId& id) {
  const std::string text = to_string(id);
  const std::string_view prefix = std::string_view{text}.substr(2, kPrefix);
  for (Node& node : nodes_) {
    if (node.prefix == prefix) ++node.jobs;
  }
}

void Nodes::lost() {
  lost_ = std::exchange(current_, std::nullopt);
}

std::optional<channel::Address> Nodes::better() const {
  if (!current_) return std::nullopt;
  double best = 0.0;
  for (const Node& node : nodes_) {
    if (node.address == *current_) best = static_cast<double>(node.jobs) * weight(node.priority) * kBonus;
  }
  std::optional<channel::Address> found;
  for (const Node& node : nodes_) {
    const double score = static_cast<double>(node.jobs) * weight(node.priority);
    if (node.address == *current_ || score <= best) continue;
    best = score;
    found = node.address;
  }
  return found;
}

bool Nodes::should_leave() const {
  bool is_leaving = false;
  bool has_other = false;
  for (const Node& node : nodes_) {
    const bool goes = node.priority >= kLeaving;
    if (current_ && node.address == *current_) {
      is_leaving = goes;
    } else {
      has_other |= !goes;
    }
  }
  return is_leaving && has_other;
}

std::vector<channel::Address> Nodes::candidates() {
  std::shuffle(nodes_.begin(), nodes_.end(), random_);
  const auto rank = [&](const Node& node) {
    return node.priority >= kLeaving ? 2 : lost_ && node.address == *lost_ ? 1 : 0;
  };
  std::vector<channel::Address> order;
  for (int wanted = 0; wanted <= 2; ++wanted) {
    for (const Node& node : nodes_) {
      if (rank(node) == wanted) order.push_back(node.address);
    }
  }
  return order;
}

}  // namespace coworker::store::disque
