#include "proc/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::proc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Identities, AreFoundByNameAndByNumber) {
  const Result<Identity> root = find_identity("root");
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(root->user, 0u);
  EXPECT_EQ(root->group, 0u);
  EXPECT_THAT(root->groups, Contains(0u));
  EXPECT_EQ(find_identity("0")->user, 0u);
  EXPECT_EQ(find_identity("root:daemon")->group, 1u);
  const Result<Identity> unlisted = find_identity("54321:54322");
  ASSERT_TRUE(unlisted);
  EXPECT_EQ(unlisted->user, 54321u);
  EXPECT_EQ(unlisted->group, 54322u);
  EXPECT_EQ(unlisted->groups, std::vector<gid_t>{54322u}) << "nothing of ours is kept";
}

TEST(Identities, WhoIsNotThereIsNotFound) {
  EXPECT_THAT(find_identity("no-such-user").error().message(), HasSubstr("no-such-user"));
  EXPECT_THAT(find_identity("root:no-such-group").error().message(), HasSubstr("no-such-group"));
  EXPECT_FALSE(find_identity(""));
  EXPECT_FALSE(find_identity("-1"));
}

TEST(Identities, BringTheVariablesOfTheirUser) {
  std::vector<std::string> environment{"HOME=/x", "A=b"};
  set_user_variables(environment, 0);
  EXPECT_EQ(variable(environment, "HOME"), "/root");
  EXPECT_EQ(variable(environment, "USER"), "root");
  EXPECT_EQ(variable(environment, "A"), "b");
}

}  // namespace
}  // namespace coworker::proc
