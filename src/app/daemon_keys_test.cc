#include "app/daemon_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coworker::app {
namespace {

using ::testing::HasSubstr;

TEST(DaemonKeys, WithoutAWordHaveTheValuesOfTheOriginal) {
  const Result<DaemonKeys> keys = parse_daemon_keys({});
  ASSERT_TRUE(keys);
  EXPECT_EQ(to_string(keys->address), "unix:daemon.sock");
  EXPECT_EQ(keys->pid_file, "daemon.pid");
  EXPECT_EQ(keys->read_size, 1024U);
  EXPECT_EQ(keys->read_timeout, Millis{2'000});
  EXPECT_EQ(keys->connections, 10U);
  EXPECT_EQ(keys->niceness, 0);
  EXPECT_EQ(keys->log_file, "daemon.log");
  EXPECT_EQ(keys->socket_mode, 0600U);
}

TEST(DaemonKeys, TakeWhatTheyAreGiven) {
  const Result<DaemonKeys> keys = parse_daemon_keys({{"sockethandler", "tcp://127.0.0.1"},
                                                     {"pidfile", "/run/copy.pid"},
                                                     {"socketbuffer", 4096},
                                                     {"sockettimeout", 0.5},
                                                     {"socketmaxconnections", 1024},
                                                     {"niceness", -5},
                                                     {"arguments", "-f -v"},
                                                     {"description", "Copies"},
                                                     {"protocol", "rpc"},
                                                     {"socketmode", "0660"},
                                                     {"loglevel", "debug"},
                                                     {"stopgrace", 3}});
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_EQ(to_string(keys->address), "tcp:127.0.0.1:10042") << "the original's port";
  EXPECT_EQ(keys->log_file, "/run/copy.log");
  EXPECT_EQ(keys->read_timeout, Millis{500});
  EXPECT_EQ(keys->connections, 1024U);
  EXPECT_EQ(keys->niceness, -5);
  EXPECT_EQ(keys->arguments, "-f -v");
  EXPECT_EQ(keys->protocol, DaemonProtocol::rpc);
  EXPECT_EQ(keys->socket_mode, 0660U);
  EXPECT_EQ(keys->log_level, log::Level::debug);
  EXPECT_EQ(keys->stop_grace, Millis{3'000});
}

TEST(DaemonKeys, HaveIPv6AndPathsOfTheRoot) {
  EXPECT_EQ(to_string(parse_daemon_keys({{"sockethandler", "tcp://[::1]:9"}})->address), "tcp:[::1]:9");
  EXPECT_EQ(to_string(parse_daemon_keys({{"sockethandler", "unix:///run/d.sock"}})->address), "unix:/run/d.sock");
}

struct BadKey {
  const char* name;
  const char* key;
  Value value;
};

class DaemonKeysRefuse : public ::testing::TestWithParam<BadKey> {};

TEST_P(DaemonKeysRefuse, WithAWordThatNamesTheKey) {
  const Result<DaemonKeys> keys = parse_daemon_keys({{GetParam().key, GetParam().value}});
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code(), Errc::invalid_argument);
  EXPECT_THAT(keys.error().message(), HasSubstr(GetParam().key));
}

INSTANTIATE_TEST_SUITE_P(
    Table, DaemonKeysRefuse,
    ::testing::Values(BadKey{"AnUnknownKey", "nicenes", 1},
                      BadKey{"AnotherScheme", "sockethandler", "udp://127.0.0.1:1"},
                      BadKey{"NoAddress", "sockethandler", 17}, BadKey{"AnEmptyPath", "pidfile", ""},
                      BadKey{"ASmallBuffer", "socketbuffer", 1023}, BadKey{"ABufferOfText", "socketbuffer", "1024"},
                      BadKey{"ALongTimeout", "sockettimeout", 601}, BadKey{"ANegativeTimeout", "sockettimeout", -1},
                      BadKey{"NoConnection", "socketmaxconnections", 0},
                      BadKey{"TooManyConnections", "socketmaxconnections", 1025},
                      BadKey{"NicerThanCanBe", "niceness", 20}, BadKey{"AFraction", "niceness", 0.5},
                      BadKey{"NoDescription", "description", nullptr}, BadKey{"AnotherProtocol", "protocol", "soap"},
                      BadKey{"AModeOfOtherDigits", "socketmode", "0888"}, BadKey{"AModeOfNumbers", "socketmode", 600},
                      BadKey{"ALogThatIsThePidFile", "logfile", ""}, BadKey{"ALevel", "loglevel", "loud"}),
    [](const auto& row) { return row.param.name; });

TEST(DaemonKeys, ALogInThePlaceOfThePidFileIsRefused) {
  EXPECT_FALSE(parse_daemon_keys({{"pidfile", "daemon.log"}}));
}

}  // namespace
}  // namespace coworker::app
