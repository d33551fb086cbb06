#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "journal/sim_disk.h"
#include "ledger.h"
#include "store/embedded/core.h"

namespace coworker::simulation {

/// One random life of a store: clients that add, claim and answer; a disk that fills up, fails and forgets; a
/// process that is killed, a machine that loses power, a wall clock that steps. The same seed, the same life.
class History {
 public:
  explicit History(std::uint64_t seed, bool verbose = false);
  ~History();

  /// What the store did that it must not; empty: nothing.
  std::vector<std::string> run(int steps);

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(double share) { return static_cast<double>(random_() >> 11) * 0x1p-53 < share; }
  void say(const std::string& text) const;

  bool open();
  void reopen();
  void step();
  void add();
  void claim();
  void answer();
  void pause();
  void disown();
  void move_dead();
  void purge();
  void check_promises();
  void advance();
  void commit();
  void sync_in_steps();
  void fault();
  void die();
  void recover_room();
  void check_counters();
  void settle();

  template <class Answer>
  std::optional<Answer> ask(const job::Command& command);
  void send(job::Command command, std::function<void(const Result<job::Answer>&)> heard, std::function<void()> lost);
  void flush();
  std::uint64_t disk_bound() const;

  /// What an answer said that the next question can show to be so.
  struct Promised {
    std::uint64_t life = 0;
    std::vector<job::JobRef> let_go{};
    std::string purged{};      // a queue
    std::uint64_t number = 0;  // of the purge, as a command
    std::vector<job::JobId> removed{};
  };

  std::mt19937_64 random_;
  bool verbose_;
  std::vector<std::string> faults_found_;
  Ledger ledger_;
  journal::SimDisk disk_;
  std::unique_ptr<store::Core> core_;
  bool sync_acks_;
  std::uint64_t life_ = 0;
  std::map<std::uint64_t, std::function<void()>> unanswered_;
  std::map<std::string, std::uint64_t> latest_pause_;  // by queue: the number of the command
  std::map<std::string, std::uint64_t> latest_purge_;  // by queue: the number of the command
  std::map<job::Key, std::uint64_t> removed_by_;       // a purge: the number of the command
  std::uint64_t owner_ = 1;
  std::vector<Promised> promised_;
  std::uint64_t commands_ = 0;
  std::uint64_t tickets_ = 0;
  std::uint64_t registers_ = 0;
  std::uint64_t bodies_ = 0;
  int adds_heard_ = 0;
};

}  // namespace coworker::simulation
