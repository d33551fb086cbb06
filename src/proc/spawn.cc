#include "proc/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "proc/child_steps.h"
#include "proc/children.h"
#include "proc/keeper_link.h"
#include "proc/keeper_message.h"

namespace coworker::proc {
namespace {

constexpr std::size_t kStackBytes = 64 * 1024;
constexpr std::uint64_t kFlags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;

int dev_null() {
  // Never closed: every child gets it.
  static const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return fd;
}

std::string_view name_of(Step step) {
  switch (step) {
    case Step::none:
      return "start";
    case Step::group:
      return "make a process group for";
    case Step::registration:
      return "register with the keeper";
    case Step::limits:
      return "set the limits of";
    case Step::identity:
      return "change the identity of";
    case Step::parent_death:
      return "tie to its parent";
    case Step::descriptors:
      return "place the descriptors of";
    case Step::directory:
      return "enter the directory of";
    case Step::exec:
      return "exec";
  }
  return "start";
}

#if defined(__x86_64__)
/// clone3 with a function to run on the child's stack. The child cannot return through the C library's
/// syscall(), whose return address is on the parent's stack.
long clone3_onto(clone_args* args, int (*entry)(void*), void* data) {
  long result = SYS_clone3;
  register void* argument asm("r8") = data;
  register int (*function)(void*) asm("r9") = entry;
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "movq %%r8, %%rdi\n\t"
      "callq *%%r9\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(args), "S"(sizeof *args), "r"(argument), "r"(function)
      : "rcx", "r11", "memory", "cc");
  return result;
}
#else
long clone3_onto(clone_args*, int (*)(void*), void*) {
  return -ENOSYS;  // clone() below does the same where no cgroup is asked for
}
#endif

/// Returns the child's pid once it executes or has exited; negative errno when there is no child.
long clone_child(ChildPlan& plan, char* stack, int& pidfd) {
  clone_args args{};
  args.flags = kFlags | CLONE_CLEAR_SIGHAND;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<std::uint64_t>(stack);
  args.stack_size = kStackBytes;
  const long pid = clone3_onto(&args, child_main, &plan);
  // Containers of old filter the newer call.
  if (pid != -ENOSYS && pid != -EPERM) return pid;
  const int old = ::clone(child_main, stack + kStackBytes, static_cast<int>(kFlags | SIGCHLD), &plan, &pidfd);
  return old >= 0 ? old : -errno;
}

/// The strings and arrays that a ChildPlan points into.
class Prepared {
 public:
  explicit Prepared(const Launch& launch);
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  ChildPlan plan;

 private:
  void search(const Launch& launch);
  void limit(int resource, std::uint64_t soft, std::uint64_t hard);

  std::vector<char*> argv_;
  std::vector<char*> environment_;
  std::vector<std::string> paths_;
  std::vector<const char*> candidates_;
  std::vector<int> fds_;
  std::vector<LimitStep> limits_;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  // exec takes them as char* and does not write.
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

Prepared::Prepared(const Launch& launch)
    : argv_{pointers(launch.argv)}, environment_{pointers(launch.environment)}, fds_{launch.fds} {
  if (fds_.size() < 3) fds_.resize(3, -1);
  std::replace_if(fds_.begin(), fds_.end(), [](int fd) { return fd < 0; }, dev_null());
  if (launch.program < 0) search(launch);
  if (launch.limits.memory > 0) limit(RLIMIT_DATA, launch.limits.memory, launch.limits.memory);
  if (const auto cpu = static_cast<std::uint64_t>(launch.limits.cpu.count()); cpu > 0) limit(RLIMIT_CPU, cpu, cpu + 1);
  if (launch.limits.open_files > 0) limit(RLIMIT_NOFILE, launch.limits.open_files, launch.limits.open_files);
  if (launch.limits.core) limit(RLIMIT_CORE, *launch.limits.core, *launch.limits.core);

  plan.session = launch.grouping == Grouping::own_session;
  plan.keeper = launch.keeper;
  plan.limits = limits_.data();
  plan.limit_count = limits_.size();
  if (launch.identity) {
    plan.identity = true;
    plan.user = launch.identity->user;
    plan.group = launch.identity->group;
    plan.groups = launch.identity->groups.data();
    plan.group_count = launch.identity->groups.size();
  }
  plan.parent = launch.dies_with_parent ? ::getpid() : 0;
  plan.fds = fds_.data();
  plan.fd_count = fds_.size();
  plan.directory = launch.directory.empty() ? nullptr : launch.directory.c_str();
  plan.program = launch.program;
  plan.candidates = candidates_.data();
  plan.argv = argv_.data();
  plan.environment = environment_.data();
}

void Prepared::limit(int resource, std::uint64_t soft, std::uint64_t hard) {
  limits_.push_back(LimitStep{resource, rlimit{soft, hard}});
}

void Prepared::search(const Launch& launch) {
  const std::string& name = launch.argv.front();
  if (name.find('/') != std::string::npos) {
    paths_.push_back(name);
  } else {
    std::string_view path = "/usr/local/bin:/usr/bin:/bin";
    for (const std::string& entry : launch.environment) {
      if (entry.compare(0, 5, "PATH=") == 0) path = std::string_view{entry}.substr(5);
    }
    for (std::size_t start = 0; start <= path.size();) {
      const std::size_t end = std::min(path.find(':', start), path.size());
      std::string folder{path.substr(start, end - start)};
      paths_.push_back(folder.empty() ? "./" + name : std::move(folder) + "/" + name);
      start = end + 1;
    }
  }
  for (const std::string& candidate : paths_) candidates_.push_back(candidate.c_str());
  candidates_.push_back(nullptr);
}

Result<> check(const Launch& launch) {
  if (launch.argv.empty() || launch.argv.front().empty()) {
    return fail(Errc::invalid_argument, "start a program: it has no name");
  }
  for (const auto* words : {&launch.argv, &launch.environment}) {
    for (const std::string& word : *words) {
      if (word.find('\0') != std::string::npos) {
        return fail(Errc::invalid_argument, "start '" + launch.argv.front() + "': a word holds a NUL byte");
      }
    }
  }
  if (dev_null() < 0) return fail(Errc::internal, "start '" + launch.argv.front() + "': /dev/null cannot be opened");
  return {};
}

/// For a child until it executes; nullptr: no memory.
char* make_stack() {
  void* stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  return stack == MAP_FAILED ? nullptr : static_cast<char*>(stack);
}

/// Owns the thread that starts what others ask for. Never destroyed; see spawn().
class Spawner {
 public:
  static Spawner& instance() {
    static Spawner* const spawner = new Spawner;
    return *spawner;
  }

  void submit(std::function<void(char*)> work) {
    {
      const std::lock_guard lock{mutex_};
      queue_.push_back(std::move(work));
    }
    filled_.notify_one();
  }

 private:
  Spawner() {
    // The thread inherits the mask: no handler of the program ever runs on it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    std::thread{[this] { run(); }}.detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void run() {
    pthread_setname_np(pthread_self(), "spawner");
    char* const stack = make_stack();
    for (;;) {
      std::unique_lock lock{mutex_};
      filled_.wait(lock, [this] { return !queue_.empty(); });
      std::function<void(char*)> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work(stack);
    }
  }

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::function<void(char*)>> queue_;
};

/// On a thread that lives as long as the process.
Result<Process> start(const Launch& launch, char* stack) {
  if (Result<> valid = check(launch); !valid) return tl::unexpected{std::move(valid).error()};
  const std::string& name = launch.argv.front();
  if (stack == nullptr) return fail(Errc::resource_exhausted, "start '" + name + "': no memory for a stack");
  Prepared prepared{launch};
  int pidfd = -1;
  // Also the signals the C library keeps for itself: their handlers must not run in the child.
  const std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  const auto started = std::chrono::steady_clock::now();
  Children& children = Children::of_this_process();
  children.begin_start();
  const long pid = clone_child(prepared.plan, stack, pidfd);
  children.end_start(static_cast<pid_t>(std::max(pid, 0L)));
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  if (pid < 0) return fail_errno(static_cast<int>(-pid), "start '" + name + "'");
  Process process{static_cast<pid_t>(pid), Fd{pidfd}, started};
  if (prepared.plan.failed == Step::none) return process;

  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) < 0 && errno == EINTR) {
  }
  children.forget(process.pid);
  if (launch.keeper >= 0 && prepared.plan.failed > Step::registration) tell_dead(launch.keeper, process.pid);
  std::string attempted{name_of(prepared.plan.failed)};
  return fail_errno(prepared.plan.error, attempted.append(" '").append(name).append("'"));
}

}  // namespace

void spawn_async(Launch launch, std::function<void(Result<Process>)> done) {
  Spawner::instance().submit(
      [launch = std::move(launch), done = std::move(done)](char* stack) { done(start(launch, stack)); });
}

Result<Process> spawn(const Launch& launch) {
  if (::gettid() == ::getpid()) {
    static char* const stack = make_stack();
    return start(launch, stack);
  }
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Result<Process>> result;
  Spawner::instance().submit([&](char* stack) {
    Result<Process> started = start(launch, stack);
    const std::lock_guard lock{mutex};
    result.emplace(std::move(started));
    ready.notify_one();
  });
  std::unique_lock lock{mutex};
  ready.wait(lock, [&] { return result.has_value(); });
  return std::move(*result);
}

}  // namespace coworker::proc
