#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "base/fd.h"
#include "job/command.h"
#include "proc/spawn.h"
#include "store/store.h"

namespace coworker::chaos {

/// One line of chaos_program.
struct Happening {
  std::string word;
  std::string id;
  pid_t pid = 0;
  int attempt = 0;
  bool overlap = false;
};

/// chaos_program in a folder of its own, with a client of its store. All waiting is on events, with a deadline.
class RunningProgram : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Starts `run` with two queues, "command" and "inline"; more than once in a folder is allowed.
  void start();
  void open_store();
  /// Sends it and returns the exit code, or -N for a signal.
  int end(int signal);

  job::JobId add(const std::string& queue, const std::string& what, Millis delay = Millis{0});
  job::Answer ask(job::Command command);
  std::optional<job::View> show(const job::JobId& id);

  /// The next line that nobody has waited for; nullopt (and a test failure) when patience ends.
  std::optional<Happening> next();
  /// Whether next() would return at once.
  bool happens_now() const;
  /// Reads on until `word` was told of the job.
  std::optional<Happening> wait_for(const std::string& word, const std::string& id);
  bool wait_until(const std::function<bool()>& condition);

  /// The consumer that runs this worker; the keeper.
  pid_t parent_of(pid_t pid) const;
  pid_t keeper() const;

  /// From now on these processes are watched: the group's, or one.
  void watch_group(pid_t group);
  void watch(pid_t pid);
  /// All that are watched end in time.
  bool all_end();

  std::string folder_;
  std::string lease_ = "15";
  std::string stop_grace_ = "10";
  bool hooks_ = false;  // the program has some
  int slots_ = 10;
  int max_crashes_ = 3;
  proc::Process program_;
  async::Loop loop_;
  std::unique_ptr<store::Store> store_;
  int overlaps_ = 0;
  std::map<std::string, int> done_;

 private:
  Fd events_;
  std::string unread_;
  std::vector<Fd> watched_;
};

}  // namespace coworker::chaos
