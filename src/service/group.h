#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "service/consumer_process.h"
#include "service/scaling.h"

namespace coworker::service {

/// The consumer processes that serve the same queues: as many as are wanted. Those that are too many take no more jobs
/// and end when theirs have.
///
/// Owned by the supervisor, on its loop. Must be over (stop or retire, then is_over) when it is destroyed.
class Group {
 public:
  /// What each process needs, without its configuration.
  using Setting = ConsumerProcess::Setting;
  struct Events {
    std::function<void(Remains::Ending)> on_end;
    std::function<void()> on_over;  // a process is over; the group may be
  };

  /// `config` is of_group.
  Group(async::Loop& loop, std::shared_ptr<const Config> config, Setting setting, Events events);

  /// Starts the least number of processes.
  void start();

  /// Another least and most number, and whether to scale; nothing else of `consumer` may differ.
  void set_limits(const ConsumerConfig& consumer);

  /// Whether the number of processes follows the load.
  bool scales() const {
    return limits_.autoscale && limits_.max_processes > limits_.min_processes && !leaving_ && !held_ &&
           rest_ == Rest::none;
  }

  /// While held, no process is wanted: they drain, and new ones start when it is over.
  void hold(bool on);

  /// What it was told to do by a person; the same as far as processes go.
  enum class Rest : std::uint8_t { none, paused, stopped };
  Rest rest() const { return rest_; }
  Result<> pause();        // conflict: it is stopped
  Result<> resume();       // the same
  Result<> end();          // to be stopped
  Result<> start_again();  // from either
  Result<> restart();      // all its processes are replaced; conflict: it rests

  /// So many processes, whatever the load, until set_limits.
  void scale_to(std::uint32_t processes);

  /// What is known of the queues; the rest of the load is seen on the processes' pages.
  void scale(std::uint64_t waiting, std::uint64_t arrived);

  /// For good: the processes end when their jobs have.
  void retire();
  void stop(Millis grace);
  void reopen_files();
  void watch();  // ConsumerProcess::watch

  bool is_over() const { return leaving_ && processes_.empty(); }
  const Config& config() const { return *config_; }
  /// What its consumers were told: with an equal text they need not be replaced.
  const std::string& text() const { return text_; }
  const ConsumerConfig& limits() const { return limits_; }
  std::uint32_t wanted() const { return wanted_; }
  bool leaving() const { return leaving_; }
  std::vector<ConsumerProcess::Status> statuses() const;

  bool on_gone(std::uint32_t owner);
  void add_unsettled(std::vector<job::JobRef>& out) const;
  void on_keeper_lost();

 private:
  using Clock = std::chrono::steady_clock;

  void set_wanted(std::uint32_t wanted);
  void set_rest(Rest rest);
  void start_one();
  void forget_over();

  async::Loop& loop_;
  std::shared_ptr<const Config> config_;
  std::string text_;
  ConsumerConfig limits_;
  Setting setting_;
  Events events_;
  Scaling scaling_;
  Clock::time_point looked_{};
  std::uint64_t ended_before_ = 0;
  std::uint32_t wanted_ = 0;
  bool leaving_ = false;
  bool held_ = false;
  Rest rest_ = Rest::none;
  std::vector<std::unique_ptr<ConsumerProcess>> processes_;
  std::vector<std::unique_ptr<ConsumerProcess>> over_;  // until the next turn of the loop
};

}  // namespace coworker::service
