#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace coworker::worker {

/// Of a listening socket.
struct SocketOptions {
  unsigned mode = 0600;  // of a unix socket's file
  int backlog = 511;
  std::int64_t keep_alive = 0;  // seconds; 0: off
};

/// What the process of a worker has to know, from the one that starts it. It travels in a file without a name, so
/// that no secret is on a command line.
struct StartRecord {
  std::string name{};
  std::string arguments = "null";
  std::vector<std::string> libraries{};
  std::string bootstrap{};  // a shared library that has the worker; empty: the program has it
  std::size_t longest = 64u << 20;
  std::size_t deepest = 512;

  // Of shared workers.
  std::string address{};
  std::string cookie{};  // empty: none
  std::string kill_switch{};
  std::int64_t drain_ms = 10'000;
  bool insecure = false;
  std::string tls_certificate{};
  std::string tls_key{};
  std::string tls_client_ca{};
  SocketOptions socket{};
  std::vector<std::string> command{};  // a program that is given the listening socket; else `name`
};

/// Descriptors of a worker's process beside 0 to 2.
inline constexpr int kRecordFd = 3;
inline constexpr int kInFd = 4;  // of a dedicated worker
inline constexpr int kOutFd = 5;
inline constexpr int kLockFd = 4;    // of a shared worker: held until it listens
inline constexpr int kResultFd = 5;  // and where it tells that, or why not

/// First arguments of such a process.
inline constexpr const char* kDedicatedWord = "dedicated-worker";
inline constexpr const char* kSharedWord = "shared-worker";
/// Set in its environment until App::run takes over.
inline constexpr const char* kWorkerVariable = "COWORKER_WORKER";

Result<Fd> write_record(const StartRecord& record);
Result<StartRecord> read_record(int fd);

}  // namespace coworker::worker
