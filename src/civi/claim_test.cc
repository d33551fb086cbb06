#include "civi/claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace coworker::civi {
namespace {

using ::testing::ElementsAre;

boost::json::value items(std::initializer_list<std::pair<int, int>> domains_and_contacts) {
  boost::json::array all;
  int id = 0;
  for (const auto& [domain, contact] : domains_and_contacts) {
    boost::json::object item{{"id", std::to_string(++id)}, {"queue", "q"}, {"run_as", nullptr}};
    if (contact > 0) item["run_as"] = boost::json::object{{"contactId", contact}, {"domainId", domain}};
    all.push_back(std::move(item));
  }
  return all;
}

std::vector<std::string> shape(const std::vector<Group>& groups) {
  std::vector<std::string> all;
  for (const Group& group : groups) all.push_back(context_name(group.identity) + " " + group.ids());
  return all;
}

TEST(Claim, Case39_IsCutWhereTheIdentityChanges) {
  EXPECT_THAT(shape(split_claim(items({{1, 2}, {1, 2}, {1, 3}, {0, 0}, {1, 2}}), "q")),
              ElementsAre("d1-c2 #1, #2", "d1-c3 #3", "d0-c0 #4", "d1-c2 #5"));
}

TEST(Claim, KeepsTheOrderAndMixesNobody) {
  EXPECT_THAT(shape(split_claim(items({{1, 10}, {1, 10}, {1, 20}, {1, 20}, {1, 20}, {1, 10}, {2, 30}, {1, 30}}), "q")),
              ElementsAre("d1-c10 #1, #2", "d1-c20 #3, #4, #5", "d1-c10 #6", "d2-c30 #7", "d1-c30 #8"));
}

TEST(Claim, GivesIdsBackAsTheyCame) {
  const auto groups = split_claim(boost::json::parse(R"([{"id":"5","queue":"q"},{"id":6},{"noid":1},7])"), "q");
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(boost::json::serialize(groups[0].references()), R"([{"id":"5","queue":"q"},{"id":6,"queue":"q"}])");
}

TEST(Claim, IsEmptyWhereNothingWasGiven) {
  EXPECT_TRUE(split_claim(boost::json::parse("[]"), "q").empty());
  EXPECT_TRUE(split_claim(boost::json::parse("null"), "q").empty());
}

TEST(Outcomes, Case42_AreThoseOfTheirItemsInAnyOrder) {
  const Group group = split_claim(items({{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}), "q").front();
  const auto results = boost::json::parse(R"([
    {"outcome":"relinquish","item":{"id":"4","queue":"q"}}, {"outcome":"ok","item":{"id":"1","queue":"q"}},
    {"outcome":"abort","item":{"id":2,"queue":"q"}}, {"outcome":"relinquish","item":{"id":"3","queue":"q"}}])");
  EXPECT_THAT(read_outcomes(group, results),
              ElementsAre(ItemOutcome::ok, ItemOutcome::aborted, ItemOutcome::relinquished, ItemOutcome::relinquished,
                          ItemOutcome::error));
}

TEST(Outcomes, AreErrorsWhereTheAnswerMakesNoSense) {
  const Group group = split_claim(items({{0, 0}}), "q").front();
  for (const char* text : {"null", "[]", "[1]", R"([{"outcome":"fail","item":{"id":"1"}}])", R"({"outcome":"ok"})"}) {
    EXPECT_THAT(read_outcomes(group, boost::json::parse(text)), ElementsAre(ItemOutcome::error)) << text;
  }
}

}  // namespace
}  // namespace coworker::civi
