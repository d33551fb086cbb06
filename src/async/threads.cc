#include "async/threads.h"

#include <pthread.h>

#include <csignal>

namespace coworker::async {

Threads::~Threads() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Threads::run(std::function<void()> work) {
  const std::lock_guard lock{mutex_};
  queue_.push_back(std::move(work));
  if (queue_.size() > idle_) {
    // The program's signals belong to its own threads; those of a fault are always delivered where it happens.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    threads_.emplace_back([this] { serve(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  } else {
    filled_.notify_one();
  }
}

bool Threads::wait_idle(Millis limit) {
  std::unique_lock lock{mutex_};
  return idled_.wait_for(lock, limit, [this] { return queue_.empty() && idle_ == threads_.size(); });
}

void Threads::serve() {
  pthread_setname_np(pthread_self(), "thread");
  std::unique_lock lock{mutex_};
  for (;;) {
    ++idle_;
    idled_.notify_all();
    filled_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace coworker::async
