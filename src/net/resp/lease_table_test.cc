#include "net/resp/lease_table.h"

#include <gtest/gtest.h>

namespace coworker::net::resp {
namespace {

job::JobRef ref(std::uint64_t key, std::uint64_t token) {
  job::JobRef ref;
  ref.id.key = static_cast<job::Key>(key);
  ref.token = static_cast<job::Token>(token);
  return ref;
}

job::Delivery delivery(std::uint64_t key, std::uint64_t token) {
  job::Delivery delivery;
  delivery.id = ref(key, token).id;
  delivery.token = static_cast<job::Token>(token);
  return delivery;
}

TEST(LeaseTable, ReleasesWhatAClientStillHolds) {
  LeaseTable leases;
  leases.taken(1, delivery(10, 100));
  leases.taken(1, delivery(11, 101));
  leases.taken(2, delivery(12, 102));
  leases.ended(ref(10, 100));
  const auto held = leases.release(1);
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].token, job::Token{101});
  EXPECT_TRUE(leases.release(1).empty());
  EXPECT_EQ(leases.release(2).size(), 1u);
}

TEST(LeaseTable, ALaterClaimReplacesAnEarlierOne) {
  LeaseTable leases;
  leases.taken(1, delivery(10, 100));
  leases.taken(2, delivery(10, 200));
  leases.ended(ref(10, 100));  // too late: the lease is another's now
  EXPECT_TRUE(leases.release(1).empty());
  EXPECT_EQ(leases.release(2).size(), 1u);
}

TEST(LeaseTable, AnUnfencedAnswerEndsAnyLease) {
  LeaseTable leases;
  leases.taken(1, delivery(10, 100));
  leases.ended(ref(10, 0));
  EXPECT_EQ(leases.size(), 0u);
}

}  // namespace
}  // namespace coworker::net::resp
