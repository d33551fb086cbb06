#pragma once

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/gate.h"
#include "async/loop.h"
#include "async/task.h"
#include "proc/keeper.h"
#include "service/answers.h"
#include "service/config.h"
#include "service/consumer_process.h"
#include "service/suspects.h"
#include "store/store.h"

namespace coworker::service {

/// Starts the keeper and the consumers, keeps them running, and answers for the jobs of those that die. Runs no
/// user code, so it does not crash with it.
///
/// Lives on its loop's thread; run() returns when everything it started has ended.
class Supervisor {
 public:
  Supervisor(async::Loop& loop, const Config& config);
  ~Supervisor();

  /// Returns the exit code, see run_supervisor.
  async::Task<int> run();

 private:
  async::Task<bool> open_store();
  void set_queues();
  async::Task<> listen_for_signals();
  Result<> start_keeper();
  void start_consumers();
  void keeper_lost();
  void on_end(Remains::Ending ending);
  void stop();
  void stop_now();
  void check_over();
  void arm_leases();
  void renew_unsettled();

  async::Loop& loop_;
  const Config& config_;
  async::Gate gate_;
  async::Event stopped_;  // everything has ended
  boost::asio::signal_set signals_;
  bool listening_ = true;  // for signals
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer lease_timer_;
  std::vector<std::string> environment_;
  std::unique_ptr<Suspects> suspects_;
  std::unique_ptr<proc::Keeper> keeper_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Answers> answers_;
  std::vector<std::unique_ptr<ConsumerProcess>> processes_;
  std::size_t over_ = 0;
  std::uint32_t last_owner_ = 0;
  int stops_ = 0;  // how often it was asked to stop
};

}  // namespace coworker::service
