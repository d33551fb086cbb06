#include <filesystem>

#include "channel/tls/testing.h"
#include "running.h"

namespace {

using coworker::channel::tls::Authority;
using coworker::channel::tls::Settings;
using testing::HasSubstr;

/// A control socket behind TLS.
class ControlTls : public Controlled {
 protected:
  void SetUp() override {
    if (!authority_.is_there()) GTEST_SKIP() << "the program openssl is not here";
    own_ = authority_.sign("supervisor", "IP:127.0.0.1");
    sandbox_.write("token", "secret\n");
  }

  std::string entry(const std::string& more) const {
    return "{ address: 'tls:127.0.0.1:0', tls_certificate: " + own_.certificate + ", tls_key: " + own_.key + more +
           " }";
  }
  void serve(const std::string& more) { start("[ " + entry(more) + " ]"); }

  std::string tls_port() const {
    const std::string before = "listens on tls:127.0.0.1:";
    const std::string said = log();
    const std::size_t at = said.find(before) + before.size();
    return said.substr(at, said.find('\n', at) - at);
  }
  Ran list(const Sandbox::Words& environment, const Sandbox::Words& more = {}) const {
    Sandbox::Words words{"worker", "list", "--control", "tls:127.0.0.1:" + tls_port()};
    words.insert(words.end(), more.begin(), more.end());
    return sandbox_.run(words, {}, environment);
  }

  Authority authority_;
  Settings own_;
  const std::string trust_ = "COWORKER_TLS_CA=" + authority_.ca();
};

TEST_F(ControlTls, ACallerWhoTrustsItIsAnswered) {
  serve("");
  const Ran listed = list({trust_});
  EXPECT_EQ(listed.code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("consumers:mail"));
}

TEST_F(ControlTls, ACallerWhoDoesNotTrustItSaysSo) {
  serve("");
  const Ran refused = list({});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("certificate is not accepted"));
}

TEST_F(ControlTls, TheTokenIsWantedToo) {
  serve(", token_file: " + sandbox_.path("token"));
  EXPECT_EQ(list({trust_}).code, 1);
  const Ran listed = list({trust_}, {"--token-file", sandbox_.path("token")});
  EXPECT_EQ(listed.code, 0) << listed.err;
}

TEST_F(ControlTls, OnlyCallersWithACertificateAreHeard) {
  serve(", tls_client_ca: " + authority_.ca());
  const Ran naked = list({trust_});
  EXPECT_EQ(naked.code, 1);
  EXPECT_THAT(naked.err, HasSubstr("does not accept our certificate"));
  const Settings client = authority_.sign("operator", "DNS:operator");
  const Ran known = list({trust_, "COWORKER_TLS_CERTIFICATE=" + client.certificate, "COWORKER_TLS_KEY=" + client.key});
  EXPECT_EQ(known.code, 0) << known.err;
}

TEST_F(ControlTls, WhoSpeaksPlainlyDisturbsNobody) {
  serve("");
  const Ran plain = sandbox_.run({"worker", "list", "--control", "tcp:127.0.0.1:" + tls_port()});
  EXPECT_EQ(plain.code, 1);
  EXPECT_EQ(list({trust_}).code, 0) << log();
}

TEST_F(ControlTls, PythonsXmlRpcClientComesOverHttps) {
  serve("");
  const Ran ran = sandbox_.run({"/usr/bin/env", "SSL_CERT_FILE=" + authority_.ca(), "python3",
                                std::string{CLIENTS} + "/xml_client.py", "https://127.0.0.1:" + tls_port()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "ok\n");
}

TEST_F(ControlTls, WithoutACertificateItDoesNotStart) {
  sandbox_.write(
      "coworker.yml",
      "control: { listen: ['tls:127.0.0.1:0'] }\nqueues: { mail: { worker: { type: inline, name: mail } } }\n");
  const Ran refused = sandbox_.run({app(), "run"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("needs a certificate"));
  EXPECT_THAT(refused.err, HasSubstr("tls:127.0.0.1:0"));
}

TEST_F(ControlTls, AnAddressForOthersWantsToKnowItsCallers) {
  sandbox_.write("coworker.yml", "control: { listen: ['tls:0.0.0.0:0'], tls_certificate: " + own_.certificate +
                                     ", tls_key: " + own_.key +
                                     " }\nqueues: { mail: { worker: { type: inline, name: mail } } }\n");
  const Ran refused = sandbox_.run({app(), "run"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("tls_client_ca"));
}

}  // namespace
