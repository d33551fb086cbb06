#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "coworker/worker_factory.h"

namespace channel_workers {

inline constexpr std::chrono::seconds kPatience{30};  // before a test fails

/// A folder that is removed at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = "/tmp/cw-workers-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Whether a process exists, also as a zombie.
inline bool exists(long pid) {
  return std::filesystem::exists("/proc/" + std::to_string(pid));
}

/// Waits for the end of a process that is not our child.
inline bool has_ended(long pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return true;
  pollfd polled{fd, POLLIN, 0};
  const bool ended = ::poll(&polled, 1, 30'000) == 1;
  ::close(fd);
  return ended;
}

/// A shared worker of a test, in a folder of its own; killed at the end if it still runs.
class Shared {
 public:
  Shared() {
    profile.arguments = "\"" + (folder / "calls") + "\"";
    profile.admin_cookie = "C";
    profile.output = folder / "output";
    profile.environment = {"TEST_SOCKET=" + path()};
  }
  ~Shared() {
    if (const auto worker = factory().connect(address())) ::kill(static_cast<pid_t>(*worker->pid()), SIGKILL);
  }
  std::string path() const { return folder / "socket"; }
  std::string address() const { return "unix:" + path(); }
  coworker::WorkerFactory factory() const { return coworker::WorkerFactory{profile}; }
  coworker::Answer<coworker::SharedWorker> connect(const std::string& name = "counting") const {
    return factory().connect(address(), name);
  }
  std::string calls() const { return content_of(folder / "calls"); }

  Folder folder;
  coworker::Profile profile;
};

/// A master of another kind: bytes on a socket.
class Bytes {
 public:
  explicit Bytes(const std::string& path) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    is_connected = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Bytes() { ::close(fd_); }
  void say(const std::string& text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
  }
  /// A line without its end; empty at the end of the stream.
  std::string hear() const {
    std::string line;
    for (char c = 0; readable() && ::read(fd_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  bool readable(int patience = 30'000) const {
    pollfd polled{fd_, POLLIN, 0};
    return ::poll(&polled, 1, patience) == 1;
  }

  bool is_connected = false;

 private:
  int fd_;
};

}  // namespace channel_workers
