#include <gmock/gmock.h>
#include <signal.h>

#include <memory>

#include "channel/tls/testing.h"
#include "program.h"

namespace {

using coworker::channel::tls::Authority;
using coworker::channel::tls::Settings;
using testing::HasSubstr;
using testing::IsEmpty;

/// A broker behind TLS.
class BrokerTls : public testing::Test {
 protected:
  void SetUp() override {
    if (!authority_.is_there()) GTEST_SKIP() << "the program openssl is not here";
    own_ = authority_.sign("broker", "IP:127.0.0.1");
  }

  void start(Sandbox::Words more = {}) {
    Sandbox::Words words{"broker",         "--data",          sandbox_.path("data"),
                         "--listen",       "tls:127.0.0.1:0", "--tls-certificate",
                         own_.certificate, "--tls-key",       own_.key};
    words.insert(words.end(), more.begin(), more.end());
    broker_ = std::make_unique<Background>(sandbox_, words);
    const auto serves = [&] { return broker_->log().find("serving") != std::string::npos; };
    ASSERT_TRUE(eventually(serves)) << broker_->log();
    const std::string log = broker_->log();
    const std::size_t at = log.find("tls:127.0.0.1:");
    ASSERT_NE(at, std::string::npos) << log;
    address_ = log.substr(at, log.find_first_of(" \n", at) - at);
  }

  Ran add(const std::string& url, const Sandbox::Words& environment) const {
    return sandbox_.run({"add", "mail", "1", "--store", url}, {}, environment);
  }

  Authority authority_;
  Settings own_;
  Sandbox sandbox_;
  std::unique_ptr<Background> broker_;
  std::string address_;
};

TEST_F(BrokerTls, IsAStoreForWhoTrustsIt) {
  start();
  const Sandbox::Words trusting{"COWORKER_TLS_CA=" + authority_.ca()};
  const Ran added = add(address_, trusting);
  EXPECT_EQ(added.code, 0) << added.err;
  EXPECT_THAT(add("tcp+" + address_, trusting).err, IsEmpty());
  const Ran queues = sandbox_.run({"queues", "--store", address_}, {}, trusting);
  EXPECT_THAT(queues.out, HasSubstr("mail")) << queues.err;
  EXPECT_THAT(add(address_, {}).err, HasSubstr("its certificate is not accepted"));
  sandbox_.write("coworker.yml", "store: " + address_ + "\ntls: { ca: " + authority_.ca() +
                                     ", name: other.example }\nqueues: { mail: { worker: { type: command, command: "
                                     "[sh, -c, 'echo ran >>here', sh] } } }\n");
  EXPECT_THAT(add(address_, {}).err, HasSubstr("ostname mismatch"));
  sandbox_.write("coworker.yml", "store: " + address_ + "\ntls: { ca: " + authority_.ca() +
                                     " }\nqueues: { mail: { worker: { type: command, command: "
                                     "[sh, -c, 'echo ran >>here', sh] } } }\n");
  // The supervisor, its consumers and the job's answer, all through TLS.
  const Background running{sandbox_, {"run"}};
  EXPECT_TRUE(eventually([&] { return sandbox_.read("here") == "ran\nran\n"; })) << running.log();
}

TEST_F(BrokerTls, MayWantCertificates) {
  start({"--tls-client-ca", authority_.ca()});
  const std::string ca = "COWORKER_TLS_CA=" + authority_.ca();
  EXPECT_THAT(add(address_, {ca}).err, HasSubstr("does not accept our certificate"));
  const Settings client = authority_.sign("client", "DNS:client");
  const Ran added =
      add(address_, {ca, "COWORKER_TLS_CERTIFICATE=" + client.certificate, "COWORKER_TLS_KEY=" + client.key});
  EXPECT_EQ(added.code, 0) << added.err;
}

TEST_F(BrokerTls, NeedsACertificateAndIsNotServedInPlainText) {
  const Ran naked = sandbox_.run({"broker", "--data", sandbox_.path("data"), "--listen", "tls:127.0.0.1:0"});
  EXPECT_EQ(naked.code, 1);
  EXPECT_THAT(naked.err, HasSubstr("needs a certificate"));
  start();
  EXPECT_THAT(add("tcp" + address_.substr(3), {}).err, HasSubstr("lost"));
  const Ran added = add(address_, {"COWORKER_TLS_CA=" + authority_.ca()});
  EXPECT_EQ(added.code, 0) << added.err;
}

}  // namespace
