#include "store/embedded/background.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

namespace coworker::store {

Background::Background(async::Loop& loop) : loop_{loop} {
  // Signals are the business of the thread that made this one.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Background::~Background() {
  *alive_ = false;
  {
    const std::lock_guard lock{mutex_};
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Background::submit(std::function<void()> work, std::function<void()> then) {
  {
    const std::lock_guard lock{mutex_};
    items_.push_back({std::move(work), std::move(then)});
  }
  wake_.notify_one();
}

void Background::run() {
  while (true) {
    Item item;
    {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [this] { return stop_ || !items_.empty(); });
      if (items_.empty()) return;
      item = std::move(items_.front());
      items_.pop_front();
    }
    item.work();
    item.work = nullptr;
    boost::asio::post(loop_, [alive = alive_, then = std::move(item.then)] {
      if (*alive) then();
    });
  }
}

}  // namespace coworker::store
