#include "proc/systemd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

#include "proc/testing.h"

namespace coworker::proc {
namespace {

using namespace testing;
using ::testing::StartsWith;

/// The other end of $NOTIFY_SOCKET.
class SystemdTest : public ::testing::Test {
 protected:
  SystemdTest() : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address_ = "@coworker-test-" + std::to_string(::getpid());
    address_.copy(name.sun_path, address_.size());
    name.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), size), 0);
    ::setenv("NOTIFY_SOCKET", address_.c_str(), 1);
  }
  ~SystemdTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  /// What was sent and not read yet; empty: nothing.
  std::string received() {
    char text[512];
    const ssize_t got = ::recv(socket_.get(), text, sizeof text, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(text, static_cast<std::size_t>(got));
  }

  Fd socket_;
  std::string address_;
};

TEST_F(SystemdTest, TellsTheLifeOfTheService) {
  Systemd manager;
  manager.ready("serving\ntwo lines");
  EXPECT_EQ(received(), "READY=1\nSTATUS=serving two lines");
  manager.reloading();
  EXPECT_THAT(received(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  manager.alive();
  EXPECT_EQ(received(), "WATCHDOG=1");
  manager.stopping();
  EXPECT_EQ(received(), "STOPPING=1\nSTATUS=stopping");
}

TEST_F(SystemdTest, TellsAStatusOnlyWhenItChanges) {
  Systemd manager;
  manager.ready("two consumers");
  received();
  manager.status("two consumers");
  EXPECT_EQ(received(), "");
  manager.status("three consumers");
  EXPECT_EQ(received(), "STATUS=three consumers");
}

TEST_F(SystemdTest, LeavesNothingOfItToChildren) {
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  const Systemd manager;
  EXPECT_EQ(manager.watchdog(), Millis{1'500});
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) EXPECT_EQ(::getenv(name), nullptr);
}

TEST_F(SystemdTest, TheWatchdogOfAnotherProcessIsNotOurs) {
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(Systemd{}.watchdog(), std::nullopt);
}

TEST_F(SystemdTest, WithoutAManagerNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  Systemd manager;
  EXPECT_EQ(manager.watchdog(), std::nullopt);
  manager.ready("serving");
  EXPECT_EQ(received(), "");
}

TEST_F(SystemdTest, AnUnusableAddressIsTakenForNone) {
  for (const std::string& address : {std::string{"relative"}, std::string(300, 'x'), "/" + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", address.c_str(), 1);
    Systemd manager;
    manager.ready("serving");
    EXPECT_EQ(received(), "");
  }
}

}  // namespace
}  // namespace coworker::proc
