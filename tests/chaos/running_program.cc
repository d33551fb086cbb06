#include "running_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "async/gate.h"
#include "job/envelope.h"
#include "proc/group.h"
#include "proc/process_table.h"
#include "proc/reap.h"
#include "proc/strays.h"
#include "store/open.h"

namespace coworker::chaos {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatience = 60'000;  // ms; the machine may be busy

std::string program_path() {
  const char* bin = std::getenv("COWORKER_BIN");
  return std::string{bin != nullptr ? bin : "."} + "/chaos_program";
}

async::Task<> open(async::Loop& loop, std::string url, std::unique_ptr<store::Store>& out) {
  store::OpenOptions options;
  options.patience = Millis{kPatience};
  const Clock::time_point give_up = Clock::now() + Millis{kPatience};
  while (!out && Clock::now() < give_up) {
    Result<std::unique_ptr<store::Store>> opened = co_await store::open_url(loop, url, options);
    if (opened) out = std::move(*opened);
  }
}

}  // namespace

void RunningProgram::SetUp() {
  char name[] = "/tmp/coworker-chaos.XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  folder_ = name;
  ASSERT_EQ(::mkfifo((folder_ + "/events").c_str(), 0600), 0);
  // Read and write: there is always a reader and a writer, so nobody blocks in open.
  events_.reset(::open((folder_ + "/events").c_str(), O_RDWR | O_CLOEXEC));
}

void RunningProgram::TearDown() {
  if (program_.pidfd) end(SIGTERM);
  if (store_) store_->close();
  loop_.restart();
  loop_.run_for(std::chrono::milliseconds{100});
  store_.reset();
  if (HasFailure()) {
    std::ifstream log{folder_ + "/log"};
    std::stringstream text;
    text << log.rdbuf();
    std::fputs(text.str().c_str(), stderr);
  }
  std::filesystem::remove_all(folder_);
}

void RunningProgram::start() {
  std::ofstream{folder_ + "/coworker.yml"} << fmt::format(
      R"({{"store": "file:{0}/data", "lease": "{2}", "stop_grace": "{3}", "kill_grace": "200ms",
 "log": {{"level": "debug", "file": "{0}/log"}},
 "queues": {{
  "command": {{"worker": {{"type": "command", "command": ["{1}", "work"]}}, "max_crashes": {5}, "failure_strategy": "retry_immediately"}},
  "inline": {{"worker": {{"type": "inline"}}, "failure_strategy": "retry_immediately"}}}},
 "consumers": [{{"queues": ["command", "inline"], "job_batch": {4}}}]}})",
      folder_, program_path(), lease_, stop_grace_, slots_, max_crashes_);
  proc::Launch launch;
  launch.argv = {program_path(), "run", "-c", folder_ + "/coworker.yml"};
  launch.environment = proc::own_environment();
  proc::set_variable(launch.environment, "CHAOS_DIR", folder_);
  if (hooks_) proc::set_variable(launch.environment, "CHAOS_HOOKS", "1");
  launch.fds = {-1, 2, 2};
  Result<proc::Process> process = proc::spawn(launch);
  ASSERT_TRUE(process) << process.error().message();
  program_ = std::move(*process);
  if (!store_) open_store();
}

void RunningProgram::open_store() {
  async::Gate gate{loop_.get_executor()};
  gate.spawn("open", open(loop_, "unix:" + folder_ + "/data/broker.sock", store_));
  wait_until([&] { return gate.running() == 0; });
  ASSERT_TRUE(store_);
}

int RunningProgram::end(int signal) {
  (void)proc::send_signal(program_.pidfd.get(), signal);
  pollfd polled{program_.pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, kPatience), 1) << "the program does not end";
  Result<std::optional<proc::Ended>> ended = proc::reap(program_.pidfd.get());
  program_.pidfd.reset();
  if (!ended || !*ended) return -1000;
  return (*ended)->exit.by_signal ? -(*ended)->exit.code : (*ended)->exit.code;
}

bool RunningProgram::wait_until(const std::function<bool()>& condition) {
  const Clock::time_point give_up = Clock::now() + Millis{kPatience};
  while (!condition()) {
    if (Clock::now() >= give_up) return false;
    loop_.restart();
    loop_.run_one_for(std::chrono::milliseconds{20});
  }
  return true;
}

job::Answer RunningProgram::ask(job::Command command) {
  // Asked again while the broker is being started again.
  for (int i = 0; i < 50; ++i) {
    std::optional<Result<job::Answer>> got;
    store_->apply(command, [&](Result<job::Answer> answer) { got.emplace(std::move(answer)); });
    if (!wait_until([&] { return got.has_value(); })) break;
    if (*got) return **got;
    if (got->error().code() != Errc::unavailable) {
      ADD_FAILURE() << got->error().message();
      break;
    }
  }
  ADD_FAILURE() << "the store does not answer";
  return {};
}

job::JobId RunningProgram::add(const std::string& queue, const std::string& what, Millis delay) {
  job::Add add;
  add.delay = delay;
  add.queue = queue;
  add.body = job::make_envelope('"' + what + '"');
  const job::Answer answer = ask(std::move(add));
  const auto* added = std::get_if<job::Added>(&answer);
  return added != nullptr ? added->id : job::JobId{};
}

std::optional<job::View> RunningProgram::show(const job::JobId& id) {
  const job::Answer answer = ask(job::Show{id});
  const auto* view = std::get_if<job::View>(&answer);
  return view != nullptr ? std::optional{*view} : std::nullopt;
}

std::optional<Happening> RunningProgram::next() {
  while (unread_.find('\n') == std::string::npos) {
    pollfd polled{events_.get(), POLLIN, 0};
    if (::poll(&polled, 1, kPatience) != 1) {
      ADD_FAILURE() << "nothing happens";
      return std::nullopt;
    }
    char part[4096];
    const ssize_t got = ::read(events_.get(), part, sizeof part);
    if (got > 0) unread_.append(part, static_cast<std::size_t>(got));
  }
  const std::size_t end = unread_.find('\n');
  std::istringstream words{unread_.substr(0, end)};
  unread_.erase(0, end + 1);
  Happening out;
  std::string how;
  words >> out.word >> out.id >> out.pid >> out.attempt >> how;
  out.overlap = how == "overlap";
  if (out.overlap) ++overlaps_;
  if (out.word == "done") ++done_[out.id];
  return out;
}

bool RunningProgram::happens_now() const {
  pollfd polled{events_.get(), POLLIN, 0};
  return unread_.find('\n') != std::string::npos || ::poll(&polled, 1, 0) == 1;
}

std::optional<Happening> RunningProgram::wait_for(const std::string& word, const std::string& id) {
  while (std::optional<Happening> happening = next()) {
    if (happening->word == word && happening->id == id) return happening;
  }
  return std::nullopt;
}

pid_t RunningProgram::parent_of(pid_t pid) const {
  const std::optional<proc::ProcessRow> row = proc::find_process(pid);
  return row ? row->parent : 0;
}

pid_t RunningProgram::keeper() const {
  for (const proc::ProcessRow& row : proc::list_processes()) {
    if (row.parent == program_.pid && row.session == row.pid) return row.pid;
  }
  return 0;
}

void RunningProgram::watch(pid_t pid) {
  if (pid <= 1) return;
  watched_.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void RunningProgram::watch_group(pid_t group) {
  for (const pid_t pid : proc::running_members(group)) watch(pid);
}

bool RunningProgram::all_end() {
  for (const Fd& fd : watched_) {
    pollfd polled{fd.get(), POLLIN, 0};
    // A process that was dead before it could be watched has no descriptor.
    if (fd && ::poll(&polled, 1, kPatience) != 1) return false;
  }
  return true;
}

}  // namespace coworker::chaos
