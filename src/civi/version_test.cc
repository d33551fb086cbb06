#include "civi/version.h"

#include <gtest/gtest.h>

namespace coworker::civi {
namespace {

constexpr std::string_view kLeast = "5.51.alpha1";

class OlderVersion : public ::testing::TestWithParam<const char*> {};
TEST_P(OlderVersion, IsRefused) {
  EXPECT_FALSE(is_at_least(GetParam(), kLeast));
}
INSTANTIATE_TEST_SUITE_P(Table, OlderVersion,
                         ::testing::Values("5.50.1", "5.51.dev", "5.51.alpha", "5.9.9", "", "garbage", "5.51.alpha0"));

class LaterVersion : public ::testing::TestWithParam<const char*> {};
TEST_P(LaterVersion, IsTaken) {
  EXPECT_TRUE(is_at_least(GetParam(), kLeast));
}
INSTANTIATE_TEST_SUITE_P(Table, LaterVersion,
                         ::testing::Values("5.51.alpha1", "5.51.beta1", "5.51.rc1", "5.51", "5.51.0", "5.100.0",
                                           "6.0.alpha1", "5.81.0", "5.51.alpha10"));

}  // namespace
}  // namespace coworker::civi
