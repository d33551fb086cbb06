#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "async/loop.h"
#include "worker/loop_page.h"
#include "worker/loop_spec.h"
#include "worker/registry.h"
#include "worker/rounds.h"

namespace coworker::worker {

/// A LoopWorker of the program, on a thread of its own: made there, called there, destroyed there.
///
/// The thread cannot be ended: who destroys this waits until the author's function returns.
class ObjectRounds : public Rounds {
 public:
  ObjectRounds(async::Loop& loop, LoopEntry entry, const LoopSpec& spec, LoopPage& page);
  ~ObjectRounds() override;

  void spinup(Done done) override;
  void round(std::uint64_t number, Done done) override;
  void spindown(Done done) override;
  void tell(std::string word, Done done) override;
  void command(std::string word, boost::json::value arguments, Reply reply) override;
  void hurry() override { stop_.request_stop(); }

 private:
  void work();
  /// On the thread; what it throws is the error.
  void submit(std::function<void()> call, Done done);
  void call_listener(const std::string& word);
  Result<boost::json::value> answer(const std::string& word, const std::string& arguments);

  async::Loop& loop_;
  LoopEntry entry_;
  LoopWorker::Place place_;
  std::stop_source stop_;
  std::unique_ptr<LoopWorker> object_;  // the thread's

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::function<void()>> calls_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace coworker::worker
