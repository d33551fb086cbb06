#include "app/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace coworker::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> hidden(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  hide_secrets(static_cast<int>(argv.size()), argv.data());
  return words;
}

TEST(Secrets, OfTheCommandLineAreOverwritten) {
  testing::internal::CaptureStderr();
  EXPECT_THAT(hidden({"coworker", "x", "--password", "abc", "--password=de", "-afg", "--passwords=h"}),
              ElementsAre("coworker", "x", "--password", "xxx", "--password=xx", "-axx", "--passwords=h"));
  EXPECT_THAT(
      hidden({"coworker", "run", "--web=https://me:abc@host/a?token=T&q=1", "--web", "https://host/?token=ab"}),
      ElementsAre("coworker", "run", "--web=https://xxxxxx@host/a?token=x&q=1", "--web", "https://host/?token=xx"));
  EXPECT_THAT(hidden({"coworker", "run", "-d", "web=https://a:b@host/", "-dweb=https://a:b@host/"}),
              ElementsAre("coworker", "run", "-d", "web=https://xxx@host/", "-dweb=https://xxx@host/"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("a credential on the command line can be seen by others; use COWORKER_WEB_CREDENTIAL"));
}

TEST(Secrets, NothingElseIsTouched) {
  testing::internal::CaptureStderr();
  EXPECT_THAT(hidden({"coworker", "run", "--web=https://host/civicrm/queue", "--", "--password", "abc"}),
              ElementsAre("coworker", "run", "--web=https://host/civicrm/queue", "--", "--password", "abc"));
  EXPECT_THAT(hidden({"coworker", "run", "--web"}), ElementsAre("coworker", "run", "--web"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace coworker::app
