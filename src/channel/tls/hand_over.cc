#include "channel/tls/hand_over.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace coworker::channel::tls {
namespace {

constexpr std::size_t kPacket = 4096;

}  // namespace

Packet::Packet(Fd connection, const std::string& address, const std::string& subject)
    : socket{std::move(connection)}, text{"+" + address + '\0' + subject} {
  text.resize(std::min(text.size(), kPacket));
}

Packet::Packet(const Error& error) : text{std::string{'-', static_cast<char>(error.code())} + error.message()} {
  text.resize(std::min(text.size(), kPacket));
}

Handed hand_over(int results, const Packet& packet) {
  iovec part{const_cast<char*>(packet.text.data()), packet.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (packet.socket) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = packet.socket.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  if (::sendmsg(results, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Handed::done;
  return errno == EAGAIN || errno == EINTR ? Handed::full : Handed::gone;
}

Result<Handshakes::Accepted> take_over(int results) {
  std::array<char, kPacket> packet;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{packet.data(), packet.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(results, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return fail(Errc::not_found, "no connection is ready");
  if (got < 0) return fail_errno(errno, "take over a connection");
  if (got == 0) return fail(Errc::unavailable, "TLS: the thread that does it has ended");
  Fd socket;
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    socket.reset(fd);
  }
  const std::string_view text{packet.data(), static_cast<std::size_t>(got)};
  if (text.size() >= 2 && text.front() == '-') return fail(static_cast<Errc>(text[1]), std::string{text.substr(2)});
  // The kernel drops the descriptor when this process may open no more.
  if (!socket) return fail(Errc::resource_exhausted, "take over a connection: too many open files");
  const std::size_t end = text.find('\0');
  return Handshakes::Accepted{std::move(socket), std::string{text.substr(1, end - 1)},
                              std::string{end == std::string_view::npos ? "" : text.substr(end + 1)}};
}

}  // namespace coworker::channel::tls
