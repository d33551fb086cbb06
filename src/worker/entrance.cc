#include "worker/entrance.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "channel/peer_address.h"

namespace coworker::worker {
namespace {

Peer peer_of(int socket) {
  Peer peer;
  peer.address = channel::peer_address(socket);
  if (!peer.address.empty()) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return peer;
  }
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.pid = credentials.pid;
    peer.user = credentials.uid;
    peer.group = credentials.gid;
  }
  return peer;
}

}  // namespace

Result<Entrance::Entered> Entrance::accept() {
  if (tls_) {
    Result<channel::tls::Handshakes::Accepted> accepted = tls_->accept();
    if (!accepted) return tl::unexpected{std::move(accepted).error()};
    Peer peer;
    peer.address = std::move(accepted->address);
    peer.certificate = std::move(accepted->subject);
    return Entered{std::move(accepted->socket), std::move(peer)};
  }
  for (;;) {
    Fd socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket) {
      Peer peer = peer_of(socket.get());
      return Entered{std::move(socket), std::move(peer)};
    }
    if (errno == EAGAIN) return fail(Errc::not_found, "nobody waits");
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      return fail(Errc::resource_exhausted, "no room for another master");
    }
    // The one that left before it was taken is none.
    if (errno == EBADF || errno == EINVAL) return fail(Errc::not_found, "nobody can come in any more");
  }
}

void Entrance::close() {
  listener_.reset();
  if (tls_) tls_->close();
}

}  // namespace coworker::worker
