#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "channel/resp/encode.h"
#include "journal/open_disk.h"
#include "journal/verify.h"
#include "peer.h"

// `coworker broker` writes down what it syncs, is killed under load, and goes on in a folder that holds only the
// bytes and names which were synced: what a power cut would have left.
namespace coworker::test {
namespace {

namespace fs = std::filesystem;

std::string program() {
  const char* const folder = std::getenv("COWORKER_BIN");
  return (folder == nullptr ? fs::canonical("/proc/self/exe").parent_path() : fs::path{folder}) / "coworker";
}

/// The broker as a process of its own, its syncs recorded.
class Broker {
 public:
  Broker(const fs::path& data, const fs::path& record, const fs::path& socket) : address_{"unix:" + socket.string()} {
    int output[2];
    if (::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error{"pipe"};
    output_ = Fd{output[0]};
    const Fd write_end{output[1]};
    std::vector<std::string> words{program(), "broker", "--data", data, "--listen", address_, "--acks", "commit"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
    ::setenv("COWORKER_SYNC_RECORD", record.c_str(), 1);
    const int failed = ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::unsetenv("COWORKER_SYNC_RECORD");
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error{"spawn " + words[0]};
  }
  ~Broker() { kill(); }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  bool ready() {
    std::string line;
    char c = 0;
    while (::read(output_.get(), &c, 1) == 1 && c != '\n') line.push_back(c);
    return line.starts_with("coworker broker: serving");
  }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  pid_t pid() const { return pid_; }
  const std::string& address() const { return address_; }

 private:
  std::string address_;
  pid_t pid_ = -1;
  Fd output_;
};

/// What the clients have been answered.
struct Known {
  std::set<std::string> added;
  std::set<std::string> acked;
  std::set<std::string> unsure;  // asked to be acked, not answered
  std::vector<std::string> claimed;
};

/// One pipeline of adds and acks, then a claim; false when the connection broke.
bool exchange(Peer& peer, Known& known, std::mt19937& random) {
  const std::size_t adds = 1 + random() % 60;
  const std::string body(20 + random() % 2000, 'b');
  std::string requests;
  for (std::size_t i = 0; i < adds; ++i) {
    channel::resp::append_request(requests, {"ADDJOB", "q", body, "0", "RETRY", "1000", "TTL", "100000"});
  }
  const std::size_t acks = std::min<std::size_t>(known.claimed.size(), random() % 40);
  std::vector<std::string> asked(known.claimed.end() - static_cast<std::ptrdiff_t>(acks), known.claimed.end());
  known.claimed.resize(known.claimed.size() - acks);
  for (const std::string& id : asked) {
    channel::resp::append_request(requests, {"ACKJOB", id});
    known.unsure.insert(id);
  }
  peer.send(requests);
  for (std::size_t i = 0; i < adds; ++i) {
    const std::string reply = peer.reply();
    if (!reply.starts_with("+D-")) return false;
    known.added.insert(reply.substr(1));
  }
  for (const std::string& id : asked) {
    if (peer.reply() == "closed") return false;
    known.unsure.erase(id);
    known.acked.insert(id);
  }
  peer.request({"GETJOB", "NOHANG", "COUNT", "40", "FROM", "q"});
  const std::string jobs = peer.reply();
  for (std::size_t at = jobs.find("\"D-"); at != std::string::npos; at = jobs.find("\"D-", at + 1)) {
    known.claimed.push_back(jobs.substr(at + 1, 40));
  }
  return jobs != "closed";
}

void work_until_killed(Broker& broker, Known& known, std::mt19937& random) {
  Peer peer{broker.address()};
  const pid_t pid = broker.pid();
  const auto delay = std::chrono::milliseconds{20 + random() % 120};
  std::thread killer{[pid, delay] {
    std::this_thread::sleep_for(delay);  // the moment is the point
    ::kill(pid, SIGKILL);
  }};
  try {
    while (exchange(peer, known, random)) {
    }
  } catch (const std::exception&) {
    // The connection broke while sending.
  }
  killer.join();
  broker.kill();
}

void check(Peer& peer, const Known& known) {
  for (const std::string& id : known.added) {
    if (known.unsure.contains(id)) continue;
    const bool gone = peer.ask({"SHOW", id}) == "$-1";
    EXPECT_EQ(gone, known.acked.contains(id)) << id << (gone ? " is lost" : " came back after its ack");
  }
}

TEST(PowerCut, WhatWasAnsweredIsThereAndWhatWasAckedIsNot) {
  std::string name = (fs::temp_directory_path() / "power-cut-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const fs::path folder{name};
  std::mt19937 random{5};
  Known known;
  fs::path data = folder / "data-0";
  for (int cut = 1; cut <= 8 && !testing::Test::HasFailure(); ++cut) {
    const fs::path record = folder / ("record-" + std::to_string(cut));
    // Killed once and started again on the same machine before the power fails.
    for (int life = 0; life < 2; ++life) {
      Broker broker{data, record, folder / "socket"};
      ASSERT_TRUE(broker.ready());
      known.claimed.clear();
      work_until_killed(broker, known, random);
    }
    const fs::path after = folder / ("data-" + std::to_string(cut));
    const auto made = journal::power_cut(record, after);
    ASSERT_TRUE(made) << made.error().message();
    Broker broker{after, folder / ("check-" + std::to_string(cut)), folder / "socket"};
    ASSERT_TRUE(broker.ready());
    Peer peer{broker.address()};
    check(peer, known);
    broker.kill();
    data = after;
  }
  EXPECT_GT(known.added.size(), 500u);
  EXPECT_GT(known.acked.size(), 50u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace coworker::test
