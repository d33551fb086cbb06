#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

/// What a running supervisor says of itself, for other programs of the same user: a file for each, replaced whole
/// whenever something changes.
namespace coworker::service {

struct RunState {
  struct Consumer {
    std::string state;  // starting, ready, draining, stopping, waiting
    pid_t pid = 0;
    std::uint32_t starts = 0;
    Millis pause{0};
    std::string last_end;
  };
  struct Group {
    std::vector<std::string> queues;
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    std::uint32_t wanted = 0;
    bool leaving = false;  // replaced by another configuration, ends when its jobs have
    std::vector<Consumer> consumers;
  };
  struct LoopWorker {
    std::string name;
    std::string id;
    std::string state;  // spinup, looping, paused, spindown, exited, backoff, fatal
    pid_t pid = 0;
    Millis looptime{0};
    bool forever = true;
    std::uint64_t rounds = 0;
    std::uint64_t failed_rounds = 0;
    std::uint64_t restarts = 0;
    std::optional<Millis> last_round;
    Millis pause{0};  // backoff: before its next start
    std::string last_failure;
    std::string last_exit;  // how its last process ended
  };
  /// What became of the last wish to read the configuration again.
  struct Reload {
    std::uint64_t count = 0;  // 0: there was none
    bool ok = true;
    std::vector<std::string> text;  // why not; what waits for the next start
  };

  pid_t pid = 0;
  std::uint64_t start = 0;  // clock ticks after boot, as proc::ProcessRow
  std::string store;
  bool stopping = false;
  Reload reload;
  std::vector<Group> groups;
  std::vector<LoopWorker> loops;
};

std::string to_text(const RunState& state);
Result<RunState> parse_state(const std::string& text);

/// Where the supervisors of a store write: the directory of file:DIR, else $XDG_RUNTIME_DIR/coworker, /run/coworker
/// for root, /tmp/coworker-UID for others.
std::string state_directory(const std::string& store_url);

/// The running supervisors of that store; files of dead ones are skipped.
std::vector<RunState> running_supervisors(const std::string& store_url);

/// One supervisor's file. Removed when this is destroyed.
class StateFile {
 public:
  explicit StateFile(const std::string& store_url);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  /// Fills in who we are. Does nothing when nothing has changed; what cannot be written is logged once.
  void write(RunState state);

 private:
  void prepare();

  std::string store_;
  std::string directory_;
  std::string file_;
  bool prepared_ = false;
  std::string written_;
  bool complained_ = false;
};

}  // namespace coworker::service
