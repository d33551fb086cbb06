#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "channel/address.h"
#include "channel/tls/settings.h"
#include "worker/start_record.h"

/// The sockets of shared workers. Blocking.
namespace coworker::worker {

using Deadline = std::chrono::steady_clock::time_point;

/// With an absolute path, so that it means the same in every folder. Requires a port for TCP.
Result<channel::Address> parse_shared_address(std::string_view text);

/// Whether a worker of this address runs on this machine: a unix socket, or a host all of whose addresses are ours.
bool is_here(const channel::Address& address);

/// Whether others than this machine can reach it.
bool is_exposed(const channel::Address& address);

/// A TCP connection also where TLS is to follow. Errors: not_found when nobody listens there; unavailable when somebody
/// does who does not take us in time.
Result<Fd> connect_to(const channel::Address& address, Deadline deadline);

/// As connect_to, with hands shaken where the address says so. denied: one side does not accept the other's
/// certificate.
Result<Fd> reach(const channel::Address& address, const channel::tls::Settings& tls, Deadline deadline);

/// Listens, replacing the file of a unix socket on which nobody listens any more. Requires the start lock, or nobody
/// else to start. Errors: conflict when it is taken, by a worker or by a file that is no socket.
Result<Fd> listen_on(const channel::Address& address, bool insecure, const SocketOptions& options);

/// The file that is locked while a worker of this address is started: beside the socket, for TCP in the runtime folder.
Result<std::string> lock_path_of(const channel::Address& address);

/// Where this user's programs keep what does not outlive them: $XDG_RUNTIME_DIR/coworker, for root /run/coworker, else
/// /tmp/coworker-UID. Made if it is not there; an error when it belongs to somebody else.
Result<std::string> runtime_folder();

}  // namespace coworker::worker
