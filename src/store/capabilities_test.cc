#include "store/capabilities.h"

#include <gtest/gtest.h>

namespace coworker::store {
namespace {

TEST(Capabilities, TheirNamesSayThemAll) {
  EXPECT_EQ(capabilities_of(features_of(Capabilities::all())), Capabilities::all());
  EXPECT_EQ(features_of({}), "");
  EXPECT_EQ(features_of({.fencing = true, .bury = true}), "fencing bury");
}

TEST(Capabilities, UnknownNamesArePassedOver) {
  EXPECT_EQ(capabilities_of("teleport  bury buryx fencing"), (Capabilities{.fencing = true, .bury = true}));
  EXPECT_TRUE(has_feature("a cancel b", "cancel"));
  EXPECT_FALSE(has_feature("cancels", "cancel"));
}

}  // namespace
}  // namespace coworker::store
