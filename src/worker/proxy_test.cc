#include "worker/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace coworker::worker {
namespace {

using Environment = std::map<std::string, std::string>;

struct ProxyCase {
  const char* name;
  const char* url;
  Environment environment;
  const char* variable;  // of the proxy; "": there is none
};

class ProxyFor : public testing::TestWithParam<ProxyCase> {};

TEST_P(ProxyFor, IsNamedBy) {
  const auto proxy = proxy_for(GetParam().url, [](const char* name) {
    const auto found = GetParam().environment.find(name);
    return found == GetParam().environment.end() ? nullptr : found->second.c_str();
  });
  EXPECT_EQ(proxy ? proxy->variable : "", GetParam().variable);
}

ProxyCase excepted(const char* name, const char* url, const char* list, bool is_direct) {
  return {name, url, {{"all_proxy", "http://p:1"}, {"no_proxy", list}}, is_direct ? "" : "all_proxy"};
}

INSTANTIATE_TEST_SUITE_P(
    Table, ProxyFor,
    testing::Values(
        ProxyCase{"Nothing", "http://a/", {}, ""},
        ProxyCase{"Http", "http://a/", {{"http_proxy", "p:1"}, {"https_proxy", "q:1"}}, "http_proxy"},
        ProxyCase{"Https", "https://a/", {{"http_proxy", "p:1"}, {"https_proxy", "q:1"}}, "https_proxy"},
        ProxyCase{"HttpsInCapitals", "https://a/", {{"HTTPS_PROXY", "q:1"}}, "HTTPS_PROXY"},
        ProxyCase{"HttpInCapitalsIsAHeaderOfCgi", "http://a/", {{"HTTP_PROXY", "q:1"}}, ""},
        ProxyCase{"TheOneForAll", "https://a/", {{"http_proxy", "p:1"}, {"ALL_PROXY", "q:1"}}, "ALL_PROXY"},
        ProxyCase{"AnEmptyOneIsNone", "http://a/", {{"http_proxy", ""}}, ""},
        ProxyCase{"CapitalsCountWhereTheOtherIsNotSet", "http://a/", {{"http_proxy", "p:1"}, {"NO_PROXY", "a"}}, ""},
        excepted("AllAreExcepted", "http://a/", "b, *", true),
        excepted("TheName", "https://Site.Example:8/", "x,site.example", true),
        excepted("OneThatEndsInIt", "https://u:p@www.site.example/x", ".site.example", true),
        excepted("NotOneThatOnlyLooksAlike", "https://mysite.example/", "site.example", false),
        excepted("WithSpaces", "http://b/", "a b  c", true), excepted("AnEmptyList", "http://b/", " , ,", false),
        excepted("AnAddress", "http://127.0.0.1:80/", "127.0.0.1", true),
        excepted("AnotherAddress", "http://127.0.0.1:80/", "127.0.0.10", false),
        excepted("ANetwork", "http://10.7.1.9/", "10.0.0.0/8", true),
        excepted("AnotherNetwork", "http://11.7.1.9/", "10.0.0.0/8", false),
        excepted("NoNetwork", "http://10.7.1.9/", "10.0.0.0/x", false),
        excepted("SixBytesOfIt", "http://[fd00::7]:80/", "fd00::/16", true),
        excepted("AnAddressInBrackets", "http://[::1]/", "[::1]", true)),
    [](const auto& row) { return row.param.name; });

TEST(Proxy, IsShownWithoutItsPassword) {
  const auto shown = [](const char* address) {
    return proxy_for("http://a/",
                     [&](const char* name) { return std::string{name} == "http_proxy" ? address : nullptr; })
        ->shown();
  };
  EXPECT_EQ(shown("http://me:pw@p:3128"), "http://p:3128 (http_proxy)");
  EXPECT_EQ(shown("me:pw@p:3128"), "http://p:3128 (http_proxy)");
  EXPECT_EQ(shown("http://me:p@w/x@p:3128/"), "http://p:3128/ (http_proxy)");
}

}  // namespace
}  // namespace coworker::worker
