#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site.h"

// Workers of kind http, over TLS.
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class HttpsWorkers : public testing::Test {
 protected:
  void SetUp() override {
    if (!WebSite::is_possible()) GTEST_SKIP() << "nginx, php-fpm and openssl are needed";
    site_.emplace(sandbox_);
    site_->set_queues(R"({"queues":{"q":{}}})");
  }

  Ran process(const std::string& address, const std::string& more = {}, const Sandbox::Words& environment = {}) {
    sandbox_.write("coworker.yml", "queues: { q: { worker: { type: http, address: '" + address +
                                       "/civicrm/ajax/api4/Queue/get', headers: { X-Civi-Auth: Bearer worker, "
                                       "X-Requested-With: XMLHttpRequest }" +
                                       more + " } } }\n");
    return sandbox_.run({"process", "q", "1"}, {}, environment);
  }

  Sandbox sandbox_;
  std::optional<WebSite> site_;
};

TEST_F(HttpsWorkers, ACertificateOfATrustedAuthorityIsAccepted) {
  const Ran named = process(site_->trusted(), ", authorities: site/ca.pem");
  EXPECT_EQ(named.code, 0) << named.err << site_->log();
  EXPECT_THAT(named.out, HasSubstr(R"("values":[{"name":"q"}])"));
  const Ran bundle = process(site_->trusted(), {}, {"CURL_CA_BUNDLE=" + site_->authority()});
  EXPECT_EQ(bundle.code, 0) << bundle.err;
  const Ran file = process(site_->trusted(), {}, {"CURL_CA_BUNDLE=", "SSL_CERT_FILE=" + site_->authority()});
  EXPECT_EQ(file.code, 0) << file.err;
}

TEST_F(HttpsWorkers, OtherCertificatesAreRefused) {
  const auto refused = [&](const std::string& address, const std::string& more) {
    const Ran ran = process(address, more);
    EXPECT_EQ(ran.code, 1);
    return ran.err;
  };
  EXPECT_THAT(refused(site_->trusted(), ""), HasSubstr("certificate"));
  EXPECT_THAT(refused(site_->expired(), ", authorities: site/ca.pem"), HasSubstr("expired"));
  EXPECT_THAT(refused(site_->misnamed(), ", authorities: site/ca.pem"), HasSubstr("127.0.0.1"));
  EXPECT_THAT(refused(site_->trusted(), ", authorities: nowhere.pem"), HasSubstr("nowhere.pem"));
  EXPECT_THAT(site_->requests(), SizeIs(0));
}

// The site may have acted on a request whose connection dies: that is for the job's own retries to decide.
TEST_F(HttpsWorkers, AJobIsOneRequestAlsoWhenTheConnectionDies) {
  sandbox_.write("coworker.yml",
                 "queues: { q: { worker: { type: http, address: '" + site_->plain() +
                     "/civicrm/ajax/api4/Queue/get', headers: { X-Civi-Auth: Bearer worker, "
                     "X-Requested-With: XMLHttpRequest } }, max_retries: 0, failure_queue: dead } }\n"
                     "consumers: [{ queues: [q], min_processes: 1, max_processes: 1, job_batch: 1 }]\n");
  site_->plan("Queue/get noise\nQueue/get drop");
  Background program{sandbox_, {"run"}};
  ASSERT_EQ(sandbox_.run({"add", "q", "--stdin"}, "1\n2\n").code, 0);
  EXPECT_TRUE(eventually([&] { return sandbox_.run({"jobs", "--dead"}).out.find("D-") != std::string::npos; }))
      << program.log();
  EXPECT_THAT(program.log(), HasSubstr("the connection was closed before an answer came"));
  EXPECT_THAT(site_->requests(), SizeIs(2));
  EXPECT_EQ(program.stop(), 0);
}

}  // namespace
