#include "proc/keeper.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "proc/reap.h"

namespace coworker::proc {
namespace {

constexpr int kFarewell = 35'000;  // ms; a keeper gives up before

struct Pair {
  Fd ours;
  Fd theirs;
};

Result<Pair> connect_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return fail_errno(errno, "make a socket pair");
  return Pair{Fd{ends[0]}, Fd{ends[1]}};
}

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::start(async::Loop& loop, Launch launch, Events events) {
  Result<Pair> pair = connect_pair();
  if (!pair) return tl::unexpected{std::move(pair).error().wrap("start the keeper")};
  launch.fds = {-1, 2, 2, pair->theirs.get()};
  launch.grouping = Grouping::own_session;
  launch.dies_with_parent = false;
  launch.keeper = -1;
  Result<Process> process = spawn(launch);
  if (!process) return tl::unexpected{std::move(process).error().wrap("start the keeper")};
  std::unique_ptr<Keeper> keeper{new Keeper{loop, std::move(*process), std::move(events)}};
  boost::system::error_code error;
  keeper->control_.assign(pair->ours.get(), error);
  if (error) return fail(Errc::internal, "watch the keeper: " + error.message());
  pair->ours.release();
  keeper->listen();
  return keeper;
}

Keeper::Keeper(async::Loop& loop, Process process, Events events)
    : process_{std::move(process)}, events_{std::move(events)}, control_{loop} {}

Keeper::~Keeper() {
  if (lost_) return;
  control_.close();
  reap_ended();
}

void Keeper::reap_ended() {
  pollfd ended{process_.pidfd.get(), POLLIN, 0};
  while (::poll(&ended, 1, kFarewell) < 0 && errno == EINTR) {
  }
  (void)reap(process_.pidfd.get());
}

Result<Fd> Keeper::add_owner(std::uint32_t id) {
  Result<Pair> pair = connect_pair();
  if (!pair) return tl::unexpected{std::move(pair).error()};
  KeeperMessage message{KeeperMessage::kOwner, id, 0};
  iovec part{&message, sizeof message};
  alignas(cmsghdr) char extra[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = extra;
  header.msg_controllen = sizeof extra;
  cmsghdr* attached = CMSG_FIRSTHDR(&header);
  attached->cmsg_level = SOL_SOCKET;
  attached->cmsg_type = SCM_RIGHTS;
  attached->cmsg_len = CMSG_LEN(sizeof(int));
  const int theirs = pair->theirs.get();
  std::memcpy(CMSG_DATA(attached), &theirs, sizeof theirs);
  while (::sendmsg(control_.native_handle(), &header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return fail_errno(errno, "tell the keeper of a process");
  }
  return std::move(pair->ours);
}

void Keeper::give_grace(pid_t group, Millis grace) {
  const KeeperMessage message{KeeperMessage::kGrace, static_cast<std::uint32_t>(group),
                              static_cast<std::uint32_t>(grace.count())};
  while (::send(control_.native_handle(), &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void Keeper::listen() {
  using Stream = boost::asio::posix::stream_descriptor;
  control_.async_wait(Stream::wait_read, [this, alive = std::weak_ptr<bool>{alive_}](boost::system::error_code error) {
    if (error || alive.expired()) return;
    KeeperMessage message{};
    ssize_t got = 0;
    do {
      got = ::recv(control_.native_handle(), &message, sizeof message, MSG_DONTWAIT);
      if (got == sizeof message && message.kind == KeeperMessage::kGone) {
        events_.on_gone(message.value, message.count);
        if (alive.expired()) return;
      }
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0 && errno == EAGAIN) return listen();
    lost_ = true;
    reap_ended();
    events_.on_lost();
  });
}

}  // namespace coworker::proc
