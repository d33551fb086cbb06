#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>

#include "civi/web_connection.h"
#include "site.h"

namespace {

using namespace coworker;
using namespace coworker::civi;
namespace json = boost::json;
using Kind = Reply::Kind;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr const char* kPassword = "mara:p%40ss%3Aw%2Frd@";

/// A connection to the site, and a loop for it.
class Client {
 public:
  explicit Client(const std::string& url, WebConnection::Options options = {}) {
    Result<WebAddress> address = parse_web_address(url);
    EXPECT_TRUE(address) << address.error().message();
    options.address = *address;
    Result<std::unique_ptr<Connection>> made = WebConnection::make(loop_, std::move(options));
    EXPECT_TRUE(made) << made.error().message();
    connection_ = std::move(*made);
  }
  ~Client() { close(Millis{0}); }

  Result<Site> open() { return wait(connection_->open()); }

  Reply call(const std::string& entity, const std::string& action, json::object params = {}) {
    return wait(connection_->call(Call{entity, action, std::move(params)}));
  }
  Reply call(Call call) { return wait(connection_->call(std::move(call))); }

  /// Begins a call that ends whenever the loop runs.
  std::shared_ptr<std::optional<Reply>> begin(Call call) {
    auto reply = std::make_shared<std::optional<Reply>>();
    boost::asio::co_spawn(loop_, connection_->call(std::move(call)),
                          [reply](const std::exception_ptr&, Reply ended) { *reply = std::move(ended); });
    return reply;
  }
  void run_until(const std::function<bool()>& is_true) {
    EXPECT_TRUE(eventually([&] {
      loop_.restart();
      loop_.poll();
      return is_true();
    }));
  }

  void close(Millis grace) {
    bool is_closed = false;
    boost::asio::co_spawn(loop_, connection_->close(grace), [&](const std::exception_ptr&) { is_closed = true; });
    run_until([&] { return is_closed; });
  }
  Connection& connection() { return *connection_; }

 private:
  template <class T>
  T wait(async::Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(loop_, std::move(task),
                          [&](const std::exception_ptr&, T ended) { result.emplace(std::move(ended)); });
    loop_.restart();
    while (!result) loop_.run_one();
    return std::move(*result);
  }

  async::Loop loop_;
  std::unique_ptr<Connection> connection_;
};

class WebClient : public testing::Test {
 protected:
  void SetUp() override {
    if (!WebSite::is_possible()) GTEST_SKIP() << "nginx, php-fpm and openssl are needed";
    site_.emplace(sandbox_);
  }

  std::string url(const std::string& path = "/civicrm/queue?token=worker") const { return site_->plain() + path; }

  Sandbox sandbox_;
  std::optional<WebSite> site_;
};

std::string text_of(const Reply& reply) {
  return reply.ok() ? json::serialize(reply.values) : reply.reason;
}

TEST_F(WebClient, WorksWithAPasswordAndWithAToken) {
  for (const std::string& address : {url(), site_->plain(kPassword) + "/civicrm/queue"}) {
    Client client{address};
    const Result<Site> site = client.open();
    ASSERT_TRUE(site) << site.error().message() << site_->log();
    EXPECT_EQ(site->version, "5.81.0");
    EXPECT_EQ(site->address, site_->plain() + "/civicrm/queue");
    EXPECT_TRUE(client.connection().check_identity(Identity{1, 5}));
  }
}

TEST_F(WebClient, Case06_AnOldVersionIsRefused) {
  WebConnection::Options options;
  options.minimum_version = "5.81.1";
  Client old{url(), options};
  EXPECT_THAT(old.open().error().message(), HasSubstr("CiviCRM 5.81.0 is older than 5.81.1"));
  options.minimum_version = "5.51.alpha1";
  Client fits{url(), options};
  EXPECT_TRUE(fits.open());
}

TEST_F(WebClient, ClaimsAndRuns) {
  site_->set_queues(
      R"({"queues":{"a b":{"batch_limit":2}},"items":[{"id":1,"queue":"a b"},{"id":2,"queue":"a b","task":"fail"}]})");
  Client client{url()};
  EXPECT_EQ(text_of(client.call("Queue", "get", {{"select", {"name"}}})), R"([{"name":"a b"}])") << site_->log();
  const Reply claimed = client.call("Queue", "claimItems", {{"queue", "a b"}});
  EXPECT_EQ(text_of(claimed), R"([{"id":"1","queue":"a b","run_as":null},{"id":"2","queue":"a b","run_as":null}])");
  EXPECT_THAT(
      text_of(client.call("Queue", "runItems", {{"items", claimed.values}})),
      AllOf(HasSubstr(R"({"outcome":"ok","item":{"id":"1")"), HasSubstr(R"({"outcome":"delete","item":{"id":"2")")));
  EXPECT_EQ(text_of(client.call("Queue", "claimItems", {{"queue", "a b"}})), "[]");
  EXPECT_THAT(site_->ran(), ElementsAre("1", "2"));
}

TEST_F(WebClient, FindsTheRouteInAParameterOfTheAddress) {
  Client client{url("/index.php?q=civicrm/queue&token=worker")};
  EXPECT_TRUE(client.call("Queue", "get").ok()) << site_->log();
}

TEST_F(WebClient, SpeaksJsonRpcWhereThatIsOffered) {
  site_->set_queues(R"({"queues":{"q":{}}})");
  for (const std::string& address : {url("/rpc?token=worker"), site_->plain(kPassword) + "/rpc"}) {
    Client client{address};
    const Result<Site> site = client.open();
    ASSERT_TRUE(site) << site.error().message() << site_->log();
    EXPECT_EQ(site->version, "5.81.0");
    EXPECT_EQ(text_of(client.call("Queue", "get")), R"([{"name":"q"}])");
    const Reply refused = client.call("Queue", "frob");
    EXPECT_EQ(refused.kind, Kind::refused);
    EXPECT_THAT(refused.reason, HasSubstr("does not exist"));
  }
}

// ---- who may not --------------------------------------------------------------------------------

TEST_F(WebClient, AWrongCredentialIsExplained) {
  Client client{url("/civicrm/queue?token=wrong")};
  const Result<Site> site = client.open();
  ASSERT_FALSE(site);
  EXPECT_EQ(site.error().code(), Errc::denied);
  EXPECT_THAT(site.error().message(),
              AllOf(HasSubstr("the credential is not accepted (status 401"), HasSubstr("AuthX")));
}

TEST_F(WebClient, AMissingPermissionIsFoundBeforeTheFirstTask) {
  Client client{url("/civicrm/queue?token=reader")};
  const Result<Site> site = client.open();
  ASSERT_FALSE(site);
  EXPECT_EQ(site.error().code(), Errc::denied);
  EXPECT_THAT(site.error().message(), HasSubstr("'administer queues'"));
  Client nobody{url("/civicrm/queue")};
  EXPECT_THAT(nobody.open().error().message(), HasSubstr("no credential was given"));
}

TEST_F(WebClient, Case40_ATaskOfAnotherContactIsNotSent) {
  site_->set_queues(R"({"queues":{"q":{}},"items":[{"id":1,"queue":"q","run_as":{"contactId":100,"domainId":1}}]})");
  Client client{url()};
  Call call{"Queue", "runItems", {{"items", json::array{json::object{{"id", "1"}, {"queue", "q"}}}}}};
  call.identity = Identity{1, 100};
  const Reply reply = client.call(std::move(call));
  EXPECT_EQ(reply.kind, Kind::unsent);
  EXPECT_EQ(reply.code, Errc::denied);
  EXPECT_THAT(reply.reason, HasSubstr("contact 100 of domain 1"));
  EXPECT_THAT(site_->requests("Queue/runItems"), SizeIs(0));
  EXPECT_FALSE(client.connection().check_identity(Identity{2, 5}));
}

// ---- servers and networks that fail -------------------------------------------------------------

TEST_F(WebClient, ReadsAreRepeated) {
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  for (const char* trouble : {"status 503", "drop", "die", "half", "status 429 1"}) {
    const std::size_t before = site_->requests("Queue/get").size();
    site_->plan(std::string{"Queue/get "} + trouble);
    EXPECT_TRUE(client.call("Queue", "get").ok()) << trouble << site_->log();
    EXPECT_EQ(site_->requests("Queue/get").size(), before + 2) << trouble;
  }
}

// A kept connection that dies without a word would make libcurl send the request again by itself.
TEST_F(WebClient, ClaimsAndRunsAreSentOnce) {
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  for (const char* trouble : {"drop", "status 503", "die", "half"}) {
    const std::size_t before = site_->requests("Queue/claimItems").size();
    site_->plan(std::string{"Queue/claimItems "} + trouble);
    const Reply reply = client.call("Queue", "claimItems", {{"queue", "q"}});
    EXPECT_EQ(reply.kind, Kind::lost) << trouble << ": " << text_of(reply);
    EXPECT_EQ(site_->requests("Queue/claimItems").size(), before + 1) << trouble;
    EXPECT_TRUE(client.call("Queue", "get").ok());
  }
}

TEST_F(WebClient, AClaimThatTheServerPutOffIsRepeated) {
  site_->set_queues(R"({"queues":{"q":{}},"items":[{"id":1,"queue":"q"}]})");
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  site_->plan("Queue/claimItems status 429 1");
  EXPECT_THAT(text_of(client.call("Queue", "claimItems", {{"queue", "q"}})), HasSubstr(R"("id":"1")"));
}

TEST_F(WebClient, NobodyListensThere) {
  WebConnection::Options options;
  options.repetitions = 1;
  Client client{"http://127.0.0.1:1/civicrm/queue?token=T", options};
  const Reply reply = client.call("Queue", "claimItems", {{"queue", "q"}});
  EXPECT_EQ(reply.kind, Kind::unsent);
  EXPECT_EQ(reply.code, Errc::unavailable);
  EXPECT_THAT(reply.reason, HasSubstr("connect"));
}

struct OddAnswer {
  const char* plan;
  Kind kind;
  const char* says;
};

TEST_F(WebClient, OddAnswersAreNamed) {
  WebConnection::Options options;
  options.answer_limit = 100'000;
  Client client{url(), options};
  ASSERT_TRUE(client.open()) << site_->log();
  for (const OddAnswer& odd :
       {OddAnswer{"page", Kind::lost, "not the API's (status 200, text/html;charset=UTF-8): <html><title>Log in"},
        OddAnswer{"redirect https://other.example/login?x=y", Kind::unsent,
                  "sends us on to https://other.example/login "},
        OddAnswer{"huge 200000", Kind::lost, "too long"}, OddAnswer{"half", Kind::lost, "transfer closed"},
        OddAnswer{"status 404", Kind::unsent, "no CiviCRM answers there"}}) {
    site_->plan(std::string{"Queue/claimItems "} + odd.plan);
    const Reply reply = client.call("Queue", "claimItems", {{"queue", "q"}});
    EXPECT_EQ(reply.kind, odd.kind) << odd.plan;
    EXPECT_THAT(reply.reason, HasSubstr(odd.says)) << odd.plan;
  }
}

TEST_F(WebClient, Case29_NoiseOfAddOnsIsNotTheAnswer) {
  site_->set_queues(R"({"queues":{"q":{}},"items":[{"id":1,"queue":"q","task":"chatter"}]})");
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  site_->plan("Queue/get noise\nQueue/getFields plain");
  EXPECT_TRUE(client.call("Queue", "get").ok());
  EXPECT_TRUE(client.call("Queue", "getFields").ok());
  ASSERT_TRUE(client.call("Queue", "claimItems", {{"queue", "q"}}).ok());
  std::vector<std::string> printed;
  Call call{"Queue", "runItems", {{"items", json::array{json::object{{"id", "1"}, {"queue", "q"}}}}}};
  call.on_print = [&](const std::string& line) { printed.push_back(line); };
  EXPECT_THAT(text_of(client.call(std::move(call))), HasSubstr(R"("outcome":"ok")"));
  EXPECT_THAT(printed, ElementsAre("a task was here"));
}

TEST_F(WebClient, HugeAnswersWithinTheLimitPass) {
  Client client{url()};
  site_->plan("Queue/get huge 5000000");
  const Reply reply = client.call("Queue", "get");
  ASSERT_TRUE(reply.ok()) << reply.reason;
  EXPECT_EQ(reply.values.as_array()[0].as_string().size(), 5'000'000u);
}

TEST_F(WebClient, ACallThatTakesTooLongIsLost) {
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  site_->plan("Queue/claimItems hold");
  Call call{"Queue", "claimItems", {{"queue", "q"}}};
  call.timeout = Millis{300};
  const Reply reply = client.call(std::move(call));
  EXPECT_EQ(reply.kind, Kind::lost);
  EXPECT_THAT(reply.reason, HasSubstr("timed out"));
}

// ---- connections --------------------------------------------------------------------------------

TEST_F(WebClient, OneConnectionServesManyCalls) {
  Client client{url()};
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.call("Queue", "get").ok());
  std::set<std::string> ports;
  for (const std::string& line : site_->requests()) ports.insert(line.substr(line.find(' ')));
  EXPECT_THAT(ports, SizeIs(1));
}

TEST_F(WebClient, NotMoreCallsAreOpenThanThereAreSlots) {
  WebConnection::Options options;
  options.count = 2;
  Client client{url(), options};
  ASSERT_TRUE(client.open()) << site_->log();
  site_->plan("Queue/get hold\nQueue/get hold\nQueue/get hold\nQueue/get hold");
  std::vector<std::shared_ptr<std::optional<Reply>>> replies;
  for (int i = 0; i < 4; ++i) {
    Call call{"Queue", "get", {}};
    call.name = "a task";
    replies.push_back(client.begin(std::move(call)));
  }
  client.run_until([&] { return site_->requests("Queue/get").size() >= 2; });
  EXPECT_EQ(client.connection().free_slots(), 0u);
  EXPECT_THAT(site_->requests("Queue/get"), SizeIs(2));
  site_->go();
  client.run_until([&] {
    return replies[0]->has_value() && replies[1]->has_value() && replies[2]->has_value() && replies[3]->has_value();
  });
  EXPECT_EQ(client.connection().free_slots(), 2u);
}

TEST_F(WebClient, ClosingEndsWhatIsOpen) {
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  site_->plan("Queue/runItems hold");
  Call first{"Queue", "runItems", {{"items", json::array{}}}};
  first.name = "a task";
  const auto open = client.begin(std::move(first));
  Call second{"Queue", "get", {}};
  second.name = "a task";
  const auto waiting = client.begin(std::move(second));
  client.run_until([&] { return site_->requests("Queue/runItems").size() == 1; });
  client.close(Millis{0});
  ASSERT_TRUE(open->has_value() && waiting->has_value());
  EXPECT_EQ((*open)->kind, Kind::lost);
  EXPECT_EQ((*waiting)->kind, Kind::unsent);
  EXPECT_EQ(client.call("Queue", "get").kind, Kind::unsent);
}

TEST_F(WebClient, ClosingLetsWhatIsOpenEnd) {
  Client client{url()};
  ASSERT_TRUE(client.open()) << site_->log();
  site_->plan("Queue/get hold");
  const auto open = client.begin(Call{"Queue", "get", {}});
  client.run_until([&] { return site_->requests("Queue/get").size() == 1; });
  site_->go();
  client.close(Millis{60'000});
  EXPECT_TRUE((*open)->ok());
}

// ---- TLS ----------------------------------------------------------------------------------------

TEST_F(WebClient, ACertificateOfATrustedAuthorityIsAccepted) {
  WebConnection::Options options;
  options.authorities = site_->authority();
  Client client{site_->trusted() + "/civicrm/queue?token=worker", options};
  const Result<Site> site = client.open();
  EXPECT_TRUE(site) << site.error().message();
}

TEST_F(WebClient, OtherCertificatesAreRefused) {
  const auto refused = [&](const std::string& address, const std::string& authorities) {
    WebConnection::Options options;
    options.authorities = authorities;
    Client client{address + "/civicrm/queue?token=worker", options};
    const Result<Site> site = client.open();
    EXPECT_TRUE(site || site.error().code() == Errc::denied);
    return site ? "accepted" : site.error().message();
  };
  EXPECT_THAT(refused(site_->trusted(), ""), AllOf(HasSubstr("certificate"), HasSubstr("webAuthorities")));
  EXPECT_THAT(
      refused(site_->expired(), site_->authority()),
      AllOf(HasSubstr("expired"), HasSubstr("the clock of this machine says 2"), Not(HasSubstr("webAuthorities"))));
  EXPECT_THAT(refused(site_->misnamed(), site_->authority()), HasSubstr("127.0.0.1"));
  EXPECT_THAT(site_->requests(), SizeIs(0));
}

}  // namespace
