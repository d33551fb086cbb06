#include "engine/id_mint.h"

#include <xxhash.h>

#include <cstring>

namespace coworker::engine {

job::JobId IdMint::id(job::Key key, std::uint16_t ttl_digits) const {
  job::JobId id{.node = node, .ttl = ttl_digits, .key = key, .salt = {}};
  const XXH128_hash_t hash = XXH3_128bits_withSeed(&key, sizeof key, secret);
  std::memcpy(id.salt.data(), &hash, id.salt.size());
  return id;
}

}  // namespace coworker::engine
