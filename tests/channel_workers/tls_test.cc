#include <gmock/gmock.h>

#include "channel/testing.h"
#include "channel/tls/testing.h"
#include "fixture.h"

namespace channel_workers {
namespace {

using coworker::Answer;
using coworker::Profile;
using coworker::SharedWorker;
using coworker::Trouble;
using coworker::WorkerFactory;
using coworker::channel::tls::Authority;
using coworker::channel::tls::Settings;
using testing::HasSubstr;

/// A shared worker behind TLS, on a port that was free a moment ago.
class SharedTls : public testing::Test {
 protected:
  void SetUp() override {
    if (!authority.is_there()) GTEST_SKIP() << "the program openssl is not here";
    const Settings own = authority.sign("worker", "IP:127.0.0.1");
    profile.tls_certificate = own.certificate;
    profile.tls_key = own.key;
    profile.tls.ca = authority.ca();
    profile.arguments = "\"" + (folder / "calls") + "\"";
    profile.admin_cookie = "C";
    profile.output = folder / "output";
    port = coworker::channel::free_port();
  }
  void TearDown() override {
    if (auto worker = WorkerFactory{profile}.connect(address())) static_cast<void>(worker->stop(kPatience));
  }

  std::string at(const std::string& kind) const { return kind + ":127.0.0.1:" + std::to_string(port); }
  std::string address() const { return at("tls"); }
  Answer<SharedWorker> connect(const std::string& name = "counting") const {
    return WorkerFactory{profile}.connect(address(), name);
  }

  Authority authority;
  Folder folder;
  Profile profile;
  int port = 0;
};

TEST_F(SharedTls, IsStartedUsedAskedAndStopped) {
  EXPECT_EQ(connect("").trouble(), Trouble::unreachable);
  Answer<SharedWorker> worker = connect();
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(*worker->call("[1]", kPatience), "[1]");
  const std::string large = "\"" + std::string(3 << 20, 'x') + "\"";
  const Answer<std::string> echo = worker->call(large, kPatience);
  ASSERT_TRUE(echo) << echo.message();
  EXPECT_TRUE(*echo == large);
  EXPECT_EQ(worker->pid(), std::nullopt);
  EXPECT_EQ(*worker->query(kPatience)->text, "served 2");
  Answer<SharedWorker> other = connect("");
  ASSERT_TRUE(other) << other.message();
  EXPECT_EQ(*other->call("2", kPatience), "2");
  const Answer<bool> stopped = worker->stop(kPatience);
  ASSERT_TRUE(stopped) << stopped.message();
  EXPECT_TRUE(*stopped);
  EXPECT_EQ(connect("").trouble(), Trouble::unreachable);
}

TEST_F(SharedTls, AWorkerThatNobodyTrustsIsNotTalkedTo) {
  ASSERT_TRUE(connect());
  profile.tls.ca.clear();
  EXPECT_EQ(connect().trouble(), Trouble::denied);
  EXPECT_THAT(connect().message(), HasSubstr("certificate is not accepted"));
  profile.tls.verify = false;
  EXPECT_TRUE(connect());
  profile.tls = {};
  profile.tls.ca = authority.ca();
  profile.tls.name = "other.example";
  EXPECT_EQ(connect().trouble(), Trouble::denied);
  profile.tls.name.clear();
}

TEST_F(SharedTls, MastersAreKnownByTheirCertificates) {
  profile.tls_client_ca = authority.ca();
  const Settings own = authority.sign("master-7", "DNS:master-7");
  profile.tls.certificate = own.certificate;
  profile.tls.key = own.key;
  Answer<SharedWorker> worker = connect();
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(*worker->call("\"certificate\"", kPatience), "\"/CN=master-7\"");
  Profile nameless = profile;
  nameless.tls.certificate.clear();
  nameless.tls.key.clear();
  const Answer<SharedWorker> refused = WorkerFactory{nameless}.connect(address());
  EXPECT_EQ(refused.trouble(), Trouble::denied);
  EXPECT_THAT(refused.message(), HasSubstr("does not accept our certificate"));
  EXPECT_EQ(*worker->call("1", kPatience), "1");
}

TEST_F(SharedTls, PlainMastersAndHalfHandshakesDisturbNobody) {
  Answer<SharedWorker> worker = connect();
  ASSERT_TRUE(worker) << worker.message();
  Answer<SharedWorker> plain = WorkerFactory{profile}.connect(at("tcp"));
  ASSERT_TRUE(plain) << plain.message();
  EXPECT_FALSE(plain->call("1", kPatience));
  Answer<SharedWorker> silent = WorkerFactory{profile}.connect(at("tcp"));
  ASSERT_TRUE(silent) << silent.message();
  Answer<SharedWorker> other = connect();
  ASSERT_TRUE(other) << other.message();
  EXPECT_EQ(*other->call("2", kPatience), "2");
}

TEST_F(SharedTls, AMasterSaysThatAPlainWorkerSpeaksNoTls) {
  ASSERT_TRUE(WorkerFactory{profile}.connect(at("tcp"), "counting"));
  const Answer<SharedWorker> worker = connect();
  EXPECT_EQ(worker.trouble(), Trouble::denied);
  EXPECT_THAT(worker.message(), HasSubstr("does not speak TLS"));
  Answer<SharedWorker> plain = WorkerFactory{profile}.connect(at("tcp"));
  ASSERT_TRUE(plain);
  EXPECT_TRUE(plain->stop(kPatience));
}

TEST_F(SharedTls, StartsThatCannotBeSayWhy) {
  Profile broken = profile;
  broken.tls_certificate = folder / "nothing.pem";
  EXPECT_THAT(WorkerFactory{broken}.start_shared(address(), "counting").message(), HasSubstr("nothing.pem"));
  broken.tls_certificate.clear();
  EXPECT_THAT(WorkerFactory{broken}.connect(address(), "counting").message(), HasSubstr("needs a certificate"));
  EXPECT_THAT(WorkerFactory{profile}.connect_program(address(), {"/bin/cat"}).message(),
              HasSubstr("would have to speak TLS itself"));
  broken = profile;
  broken.tls.ca = folder / "nothing.pem";
  EXPECT_EQ(WorkerFactory{broken}.connect(address(), "counting").trouble(), Trouble::invalid);
  EXPECT_EQ(connect("").trouble(), Trouble::unreachable);
}

}  // namespace
}  // namespace channel_workers
