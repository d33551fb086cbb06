#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "channel/address.h"

namespace coworker::store {

/// A store's URL, taken apart:
///
///     file:DIR                     a directory, embedded here or served by the broker that owns it
///     unix:PATH  tcp:HOST:PORT     a broker, or any server of the Disque protocol; tls:HOST:PORT too
///     disque://HOST[:PORT],…       nodes of a cluster, any of which will do; unix:PATH is a node too
struct StoreUrl {
  std::string directory;                // of file:; empty otherwise
  std::vector<channel::Address> nodes;  // of the others
};

/// invalid_argument with what would be right; also for redis: and postgres:, which this version cannot use.
Result<StoreUrl> parse_url(std::string_view text);

}  // namespace coworker::store
