#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "program.h"

namespace {

using testing::HasSubstr;
using testing::Not;

/// Three dead jobs: two of queue "a" (n 1 and 2), one of queue "b".
class Dead : public testing::Test {
 protected:
  void SetUp() override {
    sandbox_.write(
        "coworker.yml",
        "queues:\n"
        "  a: { worker: { type: command, command: [sh, -c, 'echo refused >&2; exit 1', sh] }, max_retries: 0 }\n"
        "  b: { worker: { type: command, command: [sh, -c, 'echo broken >&2; exit 1', sh] }, max_retries: 0 }\n");
    for (const char* body : {R"({"n":1})", R"({"n":2})"}) {
      ASSERT_EQ(sandbox_.run({"add", "a", body, "--metadata", R"({"retries":3,"mine":1})", "--priority", "5"}).code, 0);
    }
    ASSERT_EQ(sandbox_.run({"add", "b", "3"}).code, 0);
    Background run{sandbox_, {"run"}};
    ASSERT_TRUE(eventually([&] { return count({"dead", "list", "--json"}) == 3; })) << run.log();
    EXPECT_EQ(run.stop(), 0);
  }

  std::ptrdiff_t count(const Sandbox::Words& words) const {
    const std::string out = sandbox_.run(words).out;
    return std::count(out.begin(), out.end(), '\n');
  }

  std::string first_id(const Sandbox::Words& filters) const {
    Sandbox::Words words{"dead", "list", "--json", "--limit", "1"};
    words.insert(words.end(), filters.begin(), filters.end());
    const std::string out = sandbox_.run(words).out;
    const std::size_t at = out.find("D-");
    return at == std::string::npos ? std::string{} : out.substr(at, 40);
  }

  Sandbox sandbox_;
};

TEST_F(Dead, FiltersChoose) {
  EXPECT_EQ(count({"dead", "list", "--json", "--queue", "a"}), 2);
  EXPECT_EQ(count({"dead", "list", "--json", "--reason", "broken"}), 1);
  EXPECT_EQ(count({"dead", "list", "--json", "--in", "failed-jobs"}), 3);
  EXPECT_EQ(count({"dead", "list", "--json", "--in", "a"}), 0);
  EXPECT_EQ(count({"dead", "list", "--json", "--older", "1h"}), 0);
  EXPECT_EQ(count({"dead", "list", "--json", "--newer", "1h"}), 3);
  EXPECT_EQ(count({"dead", "list", "--json", "--limit", "2"}), 2);
  const Ran text = sandbox_.run({"dead", "list", "--limit", "2", "--bodies"});
  EXPECT_THAT(text.err, HasSubstr("there are more than 2"));
  EXPECT_EQ(sandbox_.run({"dead", "list", "--older", "soon"}).code, 2);
  EXPECT_EQ(sandbox_.run({"dead", "list", "--id", "nonsense"}).code, 2);
  const Ran shown = sandbox_.run({"dead", "show", first_id({"--queue", "b"})});
  EXPECT_THAT(shown.out, HasSubstr("dead, from queue b"));
}

TEST_F(Dead, ARetriedJobKeepsItsIdAndRunsAsIfNew) {
  const std::string id = first_id({"--queue", "b"});
  EXPECT_EQ(sandbox_.run({"dead", "retry", "--id", id}).code, 0);
  EXPECT_EQ(count({"dead", "list", "--json"}), 2);
  const std::string job = sandbox_.run({"job", id, "--json"}).out;
  for (const char* part : {R"("queue":"b")", R"("attempts":0)", R"("crashes":0)", R"("origin":"")", "broken"}) {
    EXPECT_THAT(job, HasSubstr(part));
  }
  // It fails as before, and comes back to where it was.
  Background run{sandbox_, {"run"}};
  EXPECT_TRUE(eventually([&] { return count({"dead", "list", "--json"}) == 3; })) << run.log();
  EXPECT_EQ(run.stop(), 0);
  EXPECT_EQ(first_id({"--queue", "b"}), id);
  EXPECT_EQ(sandbox_.run({"dead", "move", "--id", id, "--to", "graveyard"}).code, 0);
  const std::string moved = sandbox_.run({"job", id, "--json"}).out;
  for (const char* part : {R"("queue":"graveyard")", R"("attempts":1)", R"("origin":"b")"}) {
    EXPECT_THAT(moved, HasSubstr(part));
  }
}

TEST_F(Dead, RetryPutsTheWorkBackWhereItCameFromAsIfNew) {
  const std::string old = first_id({"--queue", "a"});
  const Ran retried = sandbox_.run({"dead", "retry", "--queue", "a", "--json"});
  EXPECT_EQ(retried.code, 0) << retried.err;
  EXPECT_THAT(retried.out, HasSubstr(R"("retried":2)"));
  EXPECT_EQ(count({"dead", "list", "--json"}), 1);
  const std::string jobs = sandbox_.run({"jobs", "--queue", "a", "--json", "--bodies"}).out;
  EXPECT_EQ(std::count(jobs.begin(), jobs.end(), '\n'), 2);
  for (const char* part :
       {R"("attempts":0)", R"("priority":5)", R"("mine":1)", R"("body":{"n":1})", R"("original-id":")"}) {
    EXPECT_THAT(jobs, HasSubstr(part));
  }
  EXPECT_THAT(jobs, HasSubstr(old));
  EXPECT_THAT(jobs, Not(HasSubstr("retries")));
  EXPECT_EQ(sandbox_.run({"dead", "show", old}).code, 1);
}

TEST_F(Dead, MoveKeepsIdOriginAndReason) {
  const std::string id = first_id({"--queue", "b"});
  EXPECT_EQ(sandbox_.run({"dead", "move", "--queue", "b"}).code, 2);
  EXPECT_THAT(sandbox_.run({"dead", "move", "--queue", "b", "--to", "later"}).out, HasSubstr("1 jobs were moved"));
  const Ran there = sandbox_.run({"dead", "list", "--in", "later", "--json"});
  for (const std::string& part : {id, std::string{R"("origin":"b")"}, std::string{"broken"}}) {
    EXPECT_THAT(there.out, HasSubstr(part));
  }
  EXPECT_THAT(sandbox_.run({"dead", "retry", "--in", "later"}).out, HasSubstr("1 jobs were retried"));
  EXPECT_EQ(count({"jobs", "--queue", "b", "--json"}), 1);
}

TEST_F(Dead, PurgeWantsToBeSure) {
  EXPECT_EQ(sandbox_.run({"dead", "purge"}).code, 2);
  EXPECT_EQ(count({"dead", "list", "--json"}), 3);
  EXPECT_THAT(sandbox_.run({"dead", "purge", "--id", first_id({}), "--yes"}).out, HasSubstr("1 jobs were removed"));
  EXPECT_THAT(sandbox_.run({"dead", "purge", "--yes", "--progress"}).err, HasSubstr("2 of 2 jobs"));
  EXPECT_EQ(count({"dead", "list", "--json"}), 0);
}

TEST_F(Dead, ThroughABrokerItIsTheSame) {
  Background broker{sandbox_,
                    {"broker", "--data", sandbox_.path("coworker-data"), "--listen",
                     "unix:" + sandbox_.path("coworker-data/broker.sock")}};
  ASSERT_TRUE(eventually([&] { return broker.log().find("serving") != std::string::npos; })) << broker.log();
  EXPECT_THAT(sandbox_.run({"dead", "retry", "--queue", "b"}).out, HasSubstr("1 jobs were retried"));
  const Ran moved = sandbox_.run({"dead", "move", "--to", "later"});
  EXPECT_THAT(moved.out, HasSubstr("2 jobs were moved")) << moved.err << moved.code;
  EXPECT_THAT(sandbox_.run({"dead", "purge", "--in", "later", "--yes"}).out, HasSubstr("2 jobs were removed"));
  EXPECT_EQ(count({"jobs", "--json"}), 1);
}

}  // namespace
