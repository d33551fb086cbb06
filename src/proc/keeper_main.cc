#include "proc/keeper_main.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "proc/group.h"
#include "proc/keeper_message.h"
#include "proc/process_table.h"
#include "proc/program.h"
#include "proc/run_mark.h"

namespace coworker::proc {
namespace {

constexpr int kCheckEvery = 2;       // ms, while groups are dying
constexpr int kLookEvery = 25;       // ms, while they may still live
constexpr Seconds kGiveUpAfter{30};  // with a supervisor that is gone, on what cannot be killed

using Clock = std::chrono::steady_clock;

struct Group {
  std::uint64_t start = 0;  // of its leader; 0: it was gone by then
  Millis grace{0};
};

/// One connection and the groups that were registered over it.
struct Owner {
  Fd socket;
  std::uint32_t id = 0;
  std::map<pid_t, Group> groups{};  // by their leaders
  std::uint32_t killed = 0;
  Clock::time_point gone{};

  bool has_grace(const Group& group) const { return group.grace > Millis{0} && Clock::now() < gone + group.grace; }
  void lose() {
    socket.reset();
    gone = Clock::now();
  }
};

class Keeper {
 public:
  explicit Keeper(int control) { control_.socket.reset(control); }

  int run();

 private:
  bool finished() const;
  void wait();
  bool receive(Owner& owner);  // false: nothing more now
  void handle(Owner& owner, const KeeperMessage& message, Fd attached);
  void tend(Owner& owner);
  void report(const Owner& owner);
  void kill_marked();

  Owner control_;
  std::vector<Owner> owners_;
  Clock::time_point give_up_{};
};

bool Keeper::finished() const {
  if (control_.socket) return false;
  return (control_.groups.empty() && owners_.empty()) || Clock::now() >= give_up_;
}

void Keeper::wait() {
  std::vector<pollfd> polled;
  int pause = control_.socket ? -1 : kLookEvery;
  const auto add = [&](const Owner& owner) {
    if (owner.socket) {
      polled.push_back(pollfd{owner.socket.get(), POLLIN, 0});
      return;
    }
    const bool dying = std::any_of(owner.groups.begin(), owner.groups.end(),
                                   [&](const auto& each) { return !owner.has_grace(each.second); });
    if (dying) pause = kCheckEvery;
  };
  add(control_);
  std::for_each(owners_.begin(), owners_.end(), add);
  ::poll(polled.data(), polled.size(), pause);
}

bool Keeper::receive(Owner& owner) {
  KeeperMessage message{};
  iovec part{&message, sizeof message};
  alignas(cmsghdr) char extra[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = extra;
  header.msg_controllen = sizeof extra;
  const ssize_t got = ::recvmsg(owner.socket.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EINTR) return true;
    if (errno == EAGAIN) return false;
  }
  if (got <= 0) {
    owner.lose();
    return false;
  }
  Fd attached;
  if (const cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr && control->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(control), sizeof fd);
    attached.reset(fd);
  }
  if (got == sizeof message) handle(owner, message, std::move(attached));
  return true;
}

void Keeper::handle(Owner& owner, const KeeperMessage& message, Fd attached) {
  const auto group = static_cast<pid_t>(message.value);
  switch (message.kind) {
    case KeeperMessage::kBorn: {
      const std::optional<ProcessRow> leader = find_process(group);
      owner.groups[group] = Group{leader ? leader->start : 0};
      break;
    }
    case KeeperMessage::kDead:
      owner.groups.erase(group);
      break;
    case KeeperMessage::kGrace:
      if (const auto found = owner.groups.find(group); found != owner.groups.end()) {
        found->second.grace = Millis{message.count};
      }
      break;
    case KeeperMessage::kOwner:
      if (&owner == &control_ && attached) {
        Owner added;
        added.socket = std::move(attached);
        added.id = message.value;
        owners_.push_back(std::move(added));
      }
      break;
    default:
      break;
  }
}

/// Of an owner that is gone: kills what still runs, forgets what does not.
void Keeper::tend(Owner& owner) {
  for (auto entry = owner.groups.begin(); entry != owner.groups.end();) {
    const pid_t group = entry->first;
    const std::optional<ProcessRow> leader = find_process(group);
    // A leader that started at another time is somebody else's process under a number that became free.
    const bool reused = leader && leader->start != entry->second.start;
    if (reused || !group_runs(group)) {
      entry = owner.groups.erase(entry);
      continue;
    }
    if (!owner.has_grace(entry->second) && signal_group(group, SIGKILL)) ++owner.killed;
    ++entry;
  }
}

void Keeper::report(const Owner& owner) {
  if (!control_.socket) return;
  const KeeperMessage message{KeeperMessage::kGone, owner.id, owner.killed};
  while (::send(control_.socket.get(), &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void Keeper::kill_marked() {
  const char* mark = std::getenv(kRunVariable);
  if (mark == nullptr) return;
  for (const ProcessRow& row : list_processes()) {
    if (row.pid == ::getpid() || row.dead() || started_with(row.pid, kRunVariable) != mark) continue;
    log::warning(fmt::format("process {} had left its group, it is killed", row.pid));
    ::kill(row.pid, SIGKILL);
  }
}

int Keeper::run() {
  while (!finished()) {
    wait();
    const bool had_supervisor = static_cast<bool>(control_.socket);
    while (control_.socket && receive(control_)) {
    }
    if (had_supervisor && !control_.socket) {
      give_up_ = Clock::now() + kGiveUpAfter;
      for (const auto& [leader, group] : control_.groups)
        give_up_ = std::max(give_up_, control_.gone + group.grace + kGiveUpAfter);
    }
    for (Owner& owner : owners_) {
      while (owner.socket && receive(owner)) {
      }
    }
    // Owners before what they own: they could start more.
    if (!control_.socket) tend(control_);
    for (Owner& owner : owners_) {
      if (!owner.socket) tend(owner);
    }
    std::erase_if(owners_, [this](const Owner& owner) {
      const bool gone = !owner.socket && owner.groups.empty();
      if (gone) report(owner);
      return gone;
    });
  }
  kill_marked();
  return 0;
}

}  // namespace

int keeper_main(int control) {
  name_process(kKeeperName);
  log::set_role("keeper");
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU}) {
    ::signal(number, SIG_IGN);
  }
  return Keeper{control}.run();
}

}  // namespace coworker::proc
