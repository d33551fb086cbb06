#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "job/command.h"

namespace coworker::net::resp {

/// Which connection holds which lease, of the connections that asked for their leases to be released when
/// they close (CW.HELLO RELEASE on). A job has one holder at a time; a later claim replaces an earlier one.
class LeaseTable {
 public:
  void taken(std::uint64_t client, const job::Delivery& delivery) {
    leases_.insert_or_assign(delivery.id.key, Lease{client, job::JobRef{delivery.id, delivery.token}});
  }

  /// Somebody answered for the job, or removed it; a newer lease of it stays.
  void ended(const job::JobRef& job) {
    if (leases_.empty()) return;
    const auto found = leases_.find(job.id.key);
    if (found == leases_.end()) return;
    if (job.token != job::Token{} && job.token != found->second.job.token) return;
    leases_.erase(found);
  }

  /// Forgets and returns what `client` holds.
  std::vector<job::JobRef> release(std::uint64_t client) {
    std::vector<job::JobRef> held;
    for (auto lease = leases_.begin(); lease != leases_.end();) {
      if (lease->second.client == client) {
        held.push_back(lease->second.job);
        lease = leases_.erase(lease);
      } else {
        ++lease;
      }
    }
    return held;
  }

  std::size_t size() const noexcept { return leases_.size(); }

 private:
  struct Lease {
    std::uint64_t client;
    job::JobRef job;
  };
  std::unordered_map<job::Key, Lease> leases_;
};

}  // namespace coworker::net::resp
