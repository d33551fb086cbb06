#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

extern char** environ;

namespace {

std::string content_of(const std::string& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

std::string program_file() {
  const char* folder = std::getenv("COWORKER_BIN");
  return std::string{folder == nullptr ? "." : folder} + "/coworker";
}

struct Files {
  std::string in, out, err;
};

pid_t start(const std::string& directory, Sandbox::Words words, const Sandbox::Words& environment, const Files& files) {
  const bool is_named = !words.empty() && words.front().starts_with('/');
  if (!is_named) words.insert(words.begin(), program_file());
  std::vector<char*> argv, variables;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Sandbox::Words own = environment;
  for (char** variable = environ; *variable != nullptr; ++variable) own.emplace_back(*variable);
  for (std::string& variable : own) variables.push_back(variable.data());
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  ::posix_spawn_file_actions_addopen(&actions, 0, files.in.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, files.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_addopen(&actions, 2, files.err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, words.front().c_str(), &actions, nullptr, argv.data(), variables.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error{"cannot start " + words.front()};
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string unique_name(const std::string& kind) {
  static std::atomic<int> count{0};
  return "." + kind + std::to_string(++count);
}

}  // namespace

Sandbox::Sandbox() {
  std::string name = (std::filesystem::temp_directory_path() / "cw-cli-XXXXXX").string();
  folder_ = ::mkdtemp(name.data());
  // Where programs without a place of their own keep control sockets and locks: no other test's, and no service's.
  std::filesystem::create_directory(path(".runtime"));
  ::setenv("XDG_RUNTIME_DIR", path(".runtime").c_str(), 1);
}

Sandbox::~Sandbox() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Sandbox::write(const std::string& name, const std::string& content) const {
  std::ofstream{path(name), std::ios::binary} << content;
}

std::string Sandbox::read(const std::string& name) const {
  return content_of(path(name));
}

Ran Sandbox::run(const Words& words, const std::string& input, const Words& environment,
                 const std::string& directory) const {
  const std::string name = unique_name("run");
  const Files files{path(name + ".in"), path(name + ".out"), path(name + ".err")};
  write(name + ".in", input);
  Ran ran;
  ran.code = wait_for(start(directory.empty() ? folder_ : directory, words, environment, files));
  ran.out = content_of(files.out);
  ran.err = content_of(files.err);
  return ran;
}

Background::Background(const Sandbox& sandbox, const Sandbox::Words& words, const Sandbox::Words& environment)
    : sandbox_{sandbox}, log_{sandbox.path(unique_name("log"))} {
  pid_ = start(sandbox.folder_, words, environment, {"/dev/null", log_ + ".out", log_});
}

Background::~Background() {
  stop();
}

int Background::stop() {
  if (pid_ <= 0) return -1;
  ::kill(pid_, SIGTERM);
  const int code = wait_for(pid_);
  pid_ = -1;
  return code;
}

std::string Background::log() const {
  return content_of(log_) + content_of(log_ + ".out");
}

bool eventually(const std::function<bool()>& is_true) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    ::poll(nullptr, 0, 10);  // what is waited for is another program's doing, which sends no event
  }
  return true;
}
