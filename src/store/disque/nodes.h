#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "channel/address.h"
#include "job/id.h"

namespace coworker::store::disque {

/// What a node says about itself and the others it knows (HELLO).
struct Hello {
  struct Peer {
    std::string id;    // 40 hex digits
    std::string host;  // empty: the one that was dialled
    std::uint16_t port = 0;
    int priority = 1;  // 1: usual; 10 and more: rather not; 100: it is leaving
  };
  std::string id;
  std::vector<Peer> peers;  // itself among them
};

/// Which of several nodes to use. Pure: it is told what happens.
///
/// Each job that was received counts for the node that made it, which its id names. A node whose count, times a weight
/// by its priority, is clearly higher than that of the node in use is the better one; at equal counts (as on empty
/// queues) the node in use stays. The counts begin anew with each node.
class Nodes {
 public:
  Nodes(std::vector<channel::Address> configured, std::uint64_t seed);

  /// `at` answered and is in use from now on.
  void use(const channel::Address& at);
  /// It said this.
  void learn(const Hello& hello);
  void count(const job::JobId& id);
  /// The node in use does not serve any more.
  void lost();

  /// The node that should be used instead of the one in use.
  std::optional<channel::Address> better() const;
  /// The node in use says that it is leaving, and there is another one.
  bool should_leave() const;

  /// All that are known, in the order in which to try them: those that are leaving last, before them the one that was
  /// lost.
  std::vector<channel::Address> candidates();

 private:
  struct Node {
    channel::Address address;
    std::string prefix{};  // of the ids it makes: 8 hex digits; empty: not known yet
    int priority = 1;
    std::uint64_t jobs = 0;
  };
  static double weight(int priority);
  Node& obtain(const channel::Address& address);

  std::vector<Node> nodes_;
  std::optional<channel::Address> current_;
  std::optional<channel::Address> lost_;
  std::mt19937_64 random_;
};

}  // namespace coworker::store::disque
