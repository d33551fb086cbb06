#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "base/error.h"
#include "base/time.h"
#include "channel/address.h"
#include "channel/tls/context.h"
#include "store/store.h"

namespace coworker::store::disque {

struct RemoteOptions {
  std::string url;                      // for messages
  std::vector<channel::Address> nodes;  // one is used at a time; the first is chosen at random
  std::string password;                 // empty: none is sent
  Millis patience{10'000};              // how long commands wait for a server that went away
  Millis connect_limit{5'000};
  std::shared_ptr<const channel::tls::Context> tls{};  // for nodes with such addresses
  bool follows = false;  // the nodes are a cluster: learn of others by HELLO, go where the jobs are, leave who leaves
  Millis claim_slice{500};  // how long a claim waits at once where it cannot be cancelled
};

using OnStore = std::function<void(Result<std::unique_ptr<Store>>)>;

/// A Store over the Disque protocol: a coworker broker (CW.* commands) or a plain Disque server, found out when
/// connecting. Each node is tried once; the last error is given when none answers.
///
/// Commands share one connection and are pipelined on it. A claim that waits occupies a connection of its own, kept
/// for the next one. When the server goes away, what it had not answered fails with `unavailable`, since it may have
/// been carried out; only questions, SetQueue, adds with an idempotency key and answers for jobs without a token are
/// asked again. What was not sent yet, and what comes meanwhile, waits up to `patience` for the server to come back (at
/// any of the nodes).
void open_remote(async::Loop& loop, RemoteOptions options, OnStore done);

}  // namespace coworker::store::disque
