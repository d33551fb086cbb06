#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "channel/address.h"
#include "coworker/value.h"

namespace coworker::app {

enum class DaemonProtocol : std::uint8_t {
  comodojo,  // its envelope and greeting
  rpc,       // JSON-RPC and XML-RPC as lines, frames or HTTP
};

/// What the keys of a Daemon say, every default filled in.
struct DaemonKeys {
  channel::Address address;  // sockethandler
  std::string pid_file = "daemon.pid";
  std::size_t read_size = 1024;    // socketbuffer
  Millis read_timeout{2'000};      // sockettimeout: how long a request may take to arrive; 0: no limit
  std::uint32_t connections = 10;  // socketmaxconnections
  int niceness = 0;
  std::string arguments;  // flags in place of those of the command line; empty: these
  std::string description = "Coworker Daemon";

  // What the original does not have.
  DaemonProtocol protocol = DaemonProtocol::comodojo;
  mode_t socket_mode = 0600;
  std::string token_file;  // empty: none is asked for
  std::string log_file;    // default: that of the pid file, ending in .log
  log::Level log_level = log::Level::info;
  Millis stop_grace{10'000};
  Millis kill_grace{5'000};
};

/// Unknown keys and values that a key cannot have are invalid_argument, naming the key.
Result<DaemonKeys> parse_daemon_keys(const coworker::Value::Map& given);

}  // namespace coworker::app
