#include "service/fault_mark.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "service/start_page.h"

namespace coworker::service {
namespace {

constexpr std::array kFatal{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
constexpr std::size_t kStackBytes = 64 * 1024;

thread_local std::atomic<std::uint32_t>* t_flags = nullptr;
std::array<struct sigaction, kFatal.size()> g_before;  // set once, before other threads exist

void mark(int number, siginfo_t* info, void* context) {
  if (t_flags != nullptr) t_flags->fetch_or(PageSlot::kFaulted, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kFatal.size(); ++i) {
    if (kFatal[i] != number) continue;
    const struct sigaction& before = g_before[i];
    if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) {
      before.sa_sigaction(number, info, context);
      return;
    }
    ::sigaction(number, &before, nullptr);
  }
  // Pending until this handler returns, then it takes its default course.
  ::raise(number);
}

/// A stack that has run over has no room for a handler.
struct OwnStack {
  OwnStack() {
    stack_t stack{};
    stack.ss_sp = memory.get();
    stack.ss_size = kStackBytes;
    ::sigaltstack(&stack, nullptr);
  }
  ~OwnStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }
  OwnStack(const OwnStack&) = delete;
  OwnStack& operator=(const OwnStack&) = delete;

  std::unique_ptr<char[]> memory = std::make_unique<char[]>(kStackBytes);
};

}  // namespace

void watch_faults() {
  for (std::size_t i = 0; i < kFatal.size(); ++i) {
    struct sigaction action{};
    action.sa_sigaction = mark;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(kFatal[i], &action, &g_before[i]);
  }
}

void set_fault_flags(std::atomic<std::uint32_t>* flags) {
  thread_local const OwnStack stack;
  t_flags = flags;
}

}  // namespace coworker::service
