#include "channel/address.h"

#include <gtest/gtest.h>

namespace coworker::channel {
namespace {

struct Case {
  const char* name;
  std::string text;
  const char* want;  // as written back, or "" when refused
  bool local = true;
};

class ParseAddress : public testing::TestWithParam<Case> {};

TEST_P(ParseAddress, ReadsAndWrites) {
  const Result<Address> address = parse_address(GetParam().text);
  ASSERT_EQ(address ? to_string(*address) : "", GetParam().want);
  if (address) {
    EXPECT_EQ(address->is_local(), GetParam().local);
  } else {
    EXPECT_EQ(address.error().code(), Errc::invalid_argument);
    EXPECT_NE(address.error().message().find(GetParam().text), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, ParseAddress,
                         testing::Values(Case{"UnixPath", "unix:data/broker.sock", "unix:data/broker.sock"},
                                         Case{"UnixSlashes", "unix:///run/x.sock", "unix:/run/x.sock"},
                                         Case{"Tcp", "tcp:127.0.0.1:7711", "tcp:127.0.0.1:7711"},
                                         Case{"TcpSlashes", "tcp://localhost:1", "tcp:localhost:1"},
                                         Case{"Tls", "tls:127.0.0.1:7711", "tls:127.0.0.1:7711"},
                                         Case{"TlsSlashes", "tls://db.example:1", "tls:db.example:1", false},
                                         Case{"TlsOverTcp", "tcp+tls://[::1]:1", "tls:[::1]:1"},
                                         Case{"DefaultPort", "tcp:localhost", "tcp:localhost:7711"},
                                         Case{"AnyPort", "tcp:127.0.0.1:0", "tcp:127.0.0.1:0"},
                                         Case{"NameLikeLoopback", "tcp:127.example:1", "tcp:127.example:1", false},
                                         Case{"Loopback8", "tcp:127.1.2.3:1", "tcp:127.1.2.3:1"},
                                         Case{"Everywhere", "tcp:0.0.0.0:7711", "tcp:0.0.0.0:7711", false},
                                         Case{"Version6", "tcp:[::1]:7712", "tcp:[::1]:7712"},
                                         Case{"Version6Everywhere", "tcp://[::]", "tcp:[::]:7711", false},
                                         Case{"HighestPort", "tcp:h:65535", "tcp:h:65535", false},
                                         Case{"NoPath", "unix:", ""},
                                         Case{"LongPath", "unix:" + std::string(108, 'x'), ""},
                                         Case{"NoHost", "tcp::7711", ""}, Case{"NoPort", "tcp:h:", ""},
                                         Case{"PortTooHigh", "tcp:h:65536", ""}, Case{"PortWithSign", "tcp:h:+1", ""},
                                         Case{"BareVersion6", "tcp:::1", ""}, Case{"OpenBracket", "tcp:[::1", ""},
                                         Case{"BehindBracket", "tcp:[::1]7", ""}, Case{"OtherScheme", "http://x", ""},
                                         Case{"Empty", "", ""}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace coworker::channel
