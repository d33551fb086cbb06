#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/loop.h"
#include "async/task.h"
#include "base/error.h"
#include "base/time.h"
#include "store/embedded/embedded_store.h"
#include "store/store.h"
#include "store/tls.h"

namespace coworker::store {

struct OpenOptions {
  std::string password;      // for servers; empty: none is sent
  TlsSettings tls{};         // for tls: addresses
  EmbeddedOptions embedded;  // when the directory is opened here; its `directory` is taken from the URL
  Millis patience{10'000};   // how long a server that cannot be reached is tried again, here and after it went away
};

/// Opens the store that `url` names (see store/url.h).
///
/// file:DIR is served by the broker that answers at DIR/broker.sock; if none does, the directory's lock is taken and
/// the store is embedded here. A broker that is just starting or stopping makes both fail, so both are tried again
/// until `patience` has passed.
///
/// The loop must outlive the store, runs it, and is the only thread to use it.
async::Task<Result<std::unique_ptr<Store>>> open_url(async::Loop& loop, std::string url, OpenOptions options);

/// A store that may take nothing but adds: for who has a few jobs to add and then leaves. Where a broker or server
/// answers it is as `open_url`. A directory without a broker is not loaded: plain adds go to its spool (see
/// store/embedded/spool.h), which the next owner takes over, and the store keeps the directory's lock only while it
/// lives. `with_index`: adds will need the index (a unique or idempotency key, MAXLEN), or are many: the directory is
/// opened as `open_url` does.
async::Task<Result<std::unique_ptr<Store>>> open_for_adding(async::Loop& loop, std::string url, OpenOptions options,
                                                            bool with_index);

}  // namespace coworker::store
