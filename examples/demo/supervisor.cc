#include "supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace {

std::string content_of(const std::string& file) {
  std::ifstream stream{file, std::ios::binary};
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str();
}

// The fourth word of /proc/PID/stat, after the name in parentheses.
pid_t parent_of(const std::string& stat) {
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) return -1;
  std::istringstream rest{stat.substr(end + 1)};
  std::string state;
  pid_t parent = -1;
  rest >> state >> parent;
  return parent;
}

}  // namespace

Supervisor::Supervisor(const std::string& config, const std::string& log) {
  std::string program = "demo", word = "run", flag = "-c", file = config;
  char* argv[] = {program.data(), word.data(), flag.data(), file.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int error = ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error{std::string{"cannot start the supervisor: "} + std::strerror(error)};
}

Supervisor::~Supervisor() {
  stop();
}

bool Supervisor::is_running() {
  siginfo_t end{};
  const auto id = static_cast<id_t>(pid_);
  return pid_ > 0 && ::waitid(P_PID, id, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == 0;
}

std::vector<pid_t> Supervisor::consumers() const {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (parent_of(content_of(entry.path().string() + "/stat")) != pid_) continue;
    std::string arguments = content_of(entry.path().string() + "/cmdline");
    const std::string word{"\0consumer\0", 10};
    if ((arguments + '\0').find(word) != std::string::npos) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

int Supervisor::stop() {
  if (pid_ <= 0) return 0;
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
