#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include "channel/resp/encode.h"
#include "peer.h"

namespace coworker::test {
namespace {

std::string program() {
  const char* folder = std::getenv("COWORKER_BIN");
  return (folder == nullptr ? std::filesystem::canonical("/proc/self/exe").parent_path().string()
                            : std::string{folder}) +
         "/broker_program";
}

/// run_broker as a process of its own, on a folder that outlives it.
class Process {
 public:
  explicit Process(const std::filesystem::path& folder) : address_{"unix:" + (folder / "socket").string()} {
    int output[2];
    if (::pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error{"pipe"};
    output_ = Fd{output[0]};
    const Fd write_end{output[1]};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
    std::string path = program();
    std::string data = (folder / "data").string();
    char* const words[] = {path.data(), data.data(), address_.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, words, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error{"spawn " + path};
  }
  ~Process() {
    if (pid_ > 0) kill_and_wait(SIGKILL);
  }

  /// The line it prints when it is ready; "" when it ended instead.
  std::string ready_line() {
    std::string line;
    char c = 0;
    while (::read(output_.get(), &c, 1) == 1 && c != '\n') line.push_back(c);
    return line;
  }

  /// The wait status.
  int kill_and_wait(int signal) {
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

  const std::string& address() const noexcept { return address_; }
  pid_t pid() const noexcept { return pid_; }

 private:
  std::string address_;
  pid_t pid_ = -1;
  Fd output_;
};

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "program-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
    folder_ = pattern;
  }
  ~ProgramTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(ProgramTest, PrintsOneLineWhenReadyAndEndsWellWhenTold) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process broker{folder_};
    EXPECT_EQ(broker.ready_line(),
              "coworker broker: serving file:" + (folder_ / "data").string() + " on " + broker.address());
    Peer peer{broker.address()};
    EXPECT_EQ(peer.ask({"ADDJOB", "q", "x", "0"}).substr(0, 3), "+D-");
    const int status = broker.kill_and_wait(signal);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_TRUE(peer.closed());
    EXPECT_FALSE(std::filesystem::exists(folder_ / "socket"));
  }
}

TEST_F(ProgramTest, AClientMayShutItDown) {
  Process broker{folder_};
  broker.ready_line();
  Peer peer{broker.address()};
  peer.request({"SHUTDOWN"});
  EXPECT_TRUE(peer.closed());
  const int status = broker.kill_and_wait(0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(ProgramTest, ASecondOneFailsWithTheFirstOnesPid) {
  Process first{folder_};
  first.ready_line();
  Process second{folder_};
  EXPECT_EQ(second.ready_line(), "");
  const int status = second.kill_and_wait(0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
  Peer peer{first.address()};
  EXPECT_EQ(peer.ask({"PING"}), "+PONG");
}

TEST_F(ProgramTest, TellsTheServiceManager) {
  const Fd manager{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string path = (folder_ / "notify").string();
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  const auto next = [&manager] {
    pollfd state{.fd = manager.get(), .events = POLLIN, .revents = 0};
    if (::poll(&state, 1, 20'000) != 1) return std::string{"nothing"};
    char text[1024];
    const ssize_t size = ::recv(manager.get(), text, sizeof text, 0);
    return std::string(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  };
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  Process broker{folder_};
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(next().starts_with("READY=1\nSTATUS="));
  ::kill(broker.pid(), SIGTERM);
  EXPECT_TRUE(next().starts_with("STOPPING=1\nSTATUS="));
  broker.kill_and_wait(0);
}

/// What the clients of one broker know to be so.
struct Known {
  std::set<std::string> added;    // answered with their id
  std::set<std::string> acked;    // answered
  std::set<std::string> claimed;  // answered
};

/// Adds, claims and acks in pipelines until the connection breaks.
void work(Peer& peer, Known& known, std::mt19937& random) {
  while (true) {
    const std::size_t adds = 1 + random() % 50;
    std::string requests;
    for (std::size_t i = 0; i < adds; ++i) {
      channel::resp::append_request(requests, {"ADDJOB", "q", "body", "0", "RETRY", "1000", "TTL", "100000"});
    }
    std::vector<std::string> acks;
    for (const std::string& id : known.claimed) {
      if (acks.size() == 20) break;
      channel::resp::append_request(requests, {"ACKJOB", id});
      acks.push_back(id);
    }
    peer.send(requests);
    for (std::size_t i = 0; i < adds; ++i) {
      const std::string reply = peer.reply();
      if (reply == "closed") return;
      known.added.insert(reply.substr(1));
    }
    for (const std::string& id : acks) {
      const std::string reply = peer.reply();
      if (reply == "closed") return;
      known.claimed.erase(id);
      known.acked.insert(id);
    }
    peer.request({"GETJOB", "NOHANG", "COUNT", "30", "FROM", "q"});
    const std::string jobs = peer.reply();
    if (jobs == "closed") return;
    for (std::size_t at = jobs.find("\"D-"); at != std::string::npos; at = jobs.find("\"D-", at + 1)) {
      known.claimed.insert(jobs.substr(at + 1, 40));
    }
  }
}

TEST_F(ProgramTest, NothingAnsweredIsLostWhenItIsKilled) {
  std::mt19937 random{11};
  Known known;
  for (int round = 0; round < 20; ++round) {
    Process broker{folder_};
    ASSERT_NE(broker.ready_line(), "");
    Peer peer{broker.address()};
    const pid_t pid = broker.pid();
    const auto delay = std::chrono::milliseconds{10 + random() % 60};
    std::thread killer{[pid, delay] {
      std::this_thread::sleep_for(delay);  // the moment is the point
      ::kill(pid, SIGKILL);
    }};
    try {
      work(peer, known, random);
    } catch (const std::exception&) {
      // The connection broke while sending.
    }
    killer.join();
    broker.kill_and_wait(0);
  }
  Process broker{folder_};
  ASSERT_NE(broker.ready_line(), "");
  Peer peer{broker.address()};
  ASSERT_GT(known.added.size(), 100u);
  ASSERT_GT(known.acked.size(), 20u);
  for (const std::string& id : known.added) {
    const std::string shown = peer.ask({"SHOW", id});
    // An ack is answered before its sync, and a killed process keeps what it wrote.
    if (known.acked.contains(id)) {
      EXPECT_EQ(shown, "$-1") << id;
    } else if (!known.claimed.contains(id)) {
      EXPECT_NE(shown, "$-1") << id;
    }
  }
}

}  // namespace
}  // namespace coworker::test
