#include "civi/web_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::civi {
namespace {

using testing::HasSubstr;
using testing::Not;

struct AddressCase {
  const char* name;
  const char* given;
  const char* url;
  const char* api;  // of Queue.get
  const char* password = "";
  const char* token = "";
};

class WebAddresses : public testing::TestWithParam<AddressCase> {};

TEST_P(WebAddresses, AreReadWithoutTheirCredential) {
  const AddressCase& want = GetParam();
  const Result<WebAddress> address = parse_web_address(want.given);
  ASSERT_TRUE(address) << address.error().message();
  EXPECT_EQ(address->url, want.url);
  EXPECT_EQ(action_url(*address, "Queue", "get"), want.api);
  EXPECT_EQ(address->credential.password, want.password);
  EXPECT_EQ(address->credential.token, want.token);
  EXPECT_THAT(address->shown, Not(HasSubstr("?")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WebAddresses,
    testing::Values(
        AddressCase{"PasswordOfTheReadme", "https://user:pass@host/civicrm/queue", "https://host/civicrm/queue",
                    "https://host/civicrm/ajax/api4/Queue/get", "user:pass"},
        AddressCase{"TokenOfTheReadme", "https://host/civicrm/queue?token=T0K", "https://host/civicrm/queue",
                    "https://host/civicrm/ajax/api4/Queue/get", "", "T0K"},
        AddressCase{"PasswordAndToken", "https://u:p@host/civicrm/queue?token=X", "https://host/civicrm/queue",
                    "https://host/civicrm/ajax/api4/Queue/get", "u:p", "X"},
        AddressCase{"EncodedSecrets", "https://a%40b:p%3Aq%2F@host/civicrm/queue?token=a%2Bb",
                    "https://host/civicrm/queue", "https://host/civicrm/ajax/api4/Queue/get", "a@b:p:q/", "a+b"},
        AddressCase{"AnAtInThePassword", "https://me:p@ss@host/civicrm", "https://host/civicrm",
                    "https://host/civicrm/ajax/api4/Queue/get", "me:p@ss"},
        AddressCase{"APlusInAToken", "https://host/civicrm/queue?token=a+b", "https://host/civicrm/queue",
                    "https://host/civicrm/ajax/api4/Queue/get", "", "a+b"},
        AddressCase{"OtherLettersInThePath", "https://host/é/civicrm/queue", "https://host/%C3%A9/civicrm/queue",
                    "https://host/%C3%A9/civicrm/ajax/api4/Queue/get"},
        AddressCase{"OtherLettersInThePassword", "https://mé:p%C3%A9@host/civicrm", "https://host/civicrm",
                    "https://host/civicrm/ajax/api4/Queue/get", "mé:pé"},
        AddressCase{"AHostInPunycode", "https://xn--bcher-kva.example/civicrm", "https://xn--bcher-kva.example/civicrm",
                    "https://xn--bcher-kva.example/civicrm/ajax/api4/Queue/get"},
        AddressCase{"NoPath", "https://host", "https://host", "https://host/civicrm/ajax/api4/Queue/get"},
        AddressCase{"SiteBelowAFolder", "http://[::1]:8080/sites/a/civicrm/queue/?x=y&token=T#top",
                    "http://[::1]:8080/sites/a/civicrm/queue/?x=y",
                    "http://[::1]:8080/sites/a/civicrm/ajax/api4/Queue/get", "", "T"},
        AddressCase{"FolderWithoutRoute", "https://host/site", "https://host/site",
                    "https://host/site/civicrm/ajax/api4/Queue/get"},
        AddressCase{"FolderThatBeginsAlike", "https://host/civicrm-test/civicrm", "https://host/civicrm-test/civicrm",
                    "https://host/civicrm-test/civicrm/ajax/api4/Queue/get"},
        AddressCase{"RouteInAParameter", "https://host/wp-admin/admin.php?page=CiviCRM&q=civicrm/queue&token=T",
                    "https://host/wp-admin/admin.php?page=CiviCRM&q=civicrm/queue",
                    "https://host/wp-admin/admin.php?page=CiviCRM&q=civicrm/ajax/api4/Queue/get", "", "T"},
        AddressCase{"RouteInATask", "https://host/index.php?option=com_civicrm&task=civicrm%2Fqueue",
                    "https://host/index.php?option=com_civicrm&task=civicrm%2Fqueue",
                    "https://host/index.php?option=com_civicrm&task=civicrm/ajax/api4/Queue/get"}),
    [](const auto& row) { return row.param.name; });

TEST(WebAddress, WhatIsNoAddressIsRefusedWithoutItsSecrets) {
  for (const char* text :
       {"host/civicrm", "ftp://me:hush@host/", "https://", "https:///x", "https://me@hush.example/",
        "https://host/?token=", "https://host/a b?token=hush", "https://:hush@host/", "https://me:hush%0D%0AX@host/",
        "https://me:hu/sh@host/", "https://me:hu?sh@host/", "https://bücher.example/", "https://b%C3%BCcher.example/",
        "https://host/?token=hush%00", "", "://"}) {
    const Result<WebAddress> address = parse_web_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code(), Errc::invalid_argument);
    EXPECT_THAT(address.error().message(), Not(HasSubstr("hush%"))) << text;
    EXPECT_THAT(address.error().message(), Not(HasSubstr(":hu"))) << text;
    EXPECT_THAT(address.error().message(), Not(HasSubstr("token=hush"))) << text;
  }
}

TEST(WebAddress, WhatIsMeantIsSaid) {
  EXPECT_THAT(parse_web_address("https://bücher.example/").error().message(), HasSubstr("xn--"));
  EXPECT_THAT(parse_web_address("https://me:hu/sh@host/").error().message(), HasSubstr("/ %2F"));
}

TEST(WebAddress, PlainHttpIsClearUnlessItStaysOnThisMachine) {
  EXPECT_TRUE(parse_web_address("http://host/")->is_clear);
  EXPECT_FALSE(parse_web_address("https://host/")->is_clear);
  EXPECT_FALSE(parse_web_address("http://127.0.0.2:80/")->is_clear);
  EXPECT_FALSE(parse_web_address("http://localhost/")->is_clear);
  EXPECT_FALSE(parse_web_address("http://[::1]/")->is_clear);
}

TEST(WebCredentials, ApartFromTheAddress) {
  EXPECT_EQ(parse_web_credential("me:a:b")->password, "me:a:b");
  EXPECT_EQ(parse_web_credential("abc")->token, "abc");
  EXPECT_EQ(parse_web_credential("Bearer a.b:c")->token, "a.b:c");
  EXPECT_FALSE(parse_web_credential(""));
  EXPECT_FALSE(parse_web_credential("Bearer "));
  EXPECT_FALSE(parse_web_credential("a\nX-Header: b"));
}

std::string masked(std::string text) {
  for (const auto& [offset, length] : secrets_in(text)) text.replace(offset, length, length, 'x');
  return text;
}

TEST(WebAddress, SecretsAreFoundInAnyText) {
  EXPECT_EQ(masked("https://me:p@ss@host/a@b?token=T&q=1#c"), "https://xxxxxxx@host/a@b?token=x&q=1#c");
  EXPECT_EQ(masked("https://me:p/a?s@host/b?token=T"), "https://xxxxxxxx@host/b?token=x");
  EXPECT_EQ(masked("https://host/?q=1&token=abc"), "https://host/?q=1&token=xxx");
  EXPECT_EQ(masked("me:pass@host/?mytoken=1"), "xxxxxxx@host/?mytoken=1");
  EXPECT_EQ(masked("https://host/civicrm/queue"), "https://host/civicrm/queue");
  EXPECT_EQ(masked(""), "");
}

}  // namespace
}  // namespace coworker::civi
