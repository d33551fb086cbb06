#include "store/url.h"

#include <gtest/gtest.h>

namespace coworker::store {
namespace {

channel::Address unix_socket(std::string path) {
  return {channel::Address::Kind::unix_socket, std::move(path), {}, 0};
}
channel::Address tcp(std::string host, std::uint16_t port) {
  return {channel::Address::Kind::tcp, {}, std::move(host), port};
}

TEST(StoreUrl, FilesAndBrokersAndClusters) {
  EXPECT_EQ(parse_url("file:./data")->directory, "./data");
  EXPECT_EQ(parse_url("file:///var/lib/x")->directory, "/var/lib/x");
  EXPECT_EQ(parse_url("unix:/run/b.sock")->nodes, (std::vector<channel::Address>{unix_socket("/run/b.sock")}));
  EXPECT_EQ(parse_url("unix:///run/b.sock")->nodes, (std::vector<channel::Address>{unix_socket("/run/b.sock")}));
  EXPECT_EQ(parse_url("tcp:host:80")->nodes, (std::vector<channel::Address>{tcp("host", 80)}));
  EXPECT_EQ(parse_url("tcp://[::1]:80")->nodes, (std::vector<channel::Address>{tcp("::1", 80)}));
  for (const char* text : {"tls:host:80", "tls://host:80", "tcp+tls://host:80"}) {
    EXPECT_EQ(to_string(parse_url(text)->nodes.at(0)), "tls:host:80") << text;
  }
  EXPECT_EQ(parse_url("disque://a,b:7712,unix:/c")->nodes,
            (std::vector<channel::Address>{tcp("a", 7711), tcp("b", 7712), unix_socket("/c")}));
}

TEST(StoreUrl, WhatIsNoUrlIsRefusedWithWhatWouldBeRight) {
  for (const char* text : {"",
                           "file:",
                           "file",
                           "data",
                           "/var/lib",
                           "unix:",
                           "tcp:",
                           "tcp:host:0",
                           "tls:host:0",
                           "tcp:host:65536",
                           "tcp:host:7x",
                           "tcp::80",
                           "tcp:::1:80",
                           "tcp:[::1:80",
                           "tcp:[::1]80",
                           "disque://",
                           "disque://a,,b",
                           "http://x",
                           "tcp:user:secret@host:80",
                           "files:x"}) {
    const Result<StoreUrl> url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code(), Errc::invalid_argument);
  }
  EXPECT_NE(parse_url("data").error().message().find("file:DIR"), std::string::npos);
}

TEST(StoreUrl, OtherServersAreNamedAsNotAvailable) {
  for (const char* text : {"redis://localhost", "postgres://db", "postgresql://db/x", "rediss://x"}) {
    EXPECT_NE(parse_url(text).error().message().find("not available in this version"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace coworker::store
