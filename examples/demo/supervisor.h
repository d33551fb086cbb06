#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

/// `demo run`, started as a process of its own.
class Supervisor {
 public:
  /// Output goes to `log`. Throws when it cannot be started.
  Supervisor(const std::string& config, const std::string& log);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  bool is_running();

  /// Process ids of its consumers, as /proc shows them.
  std::vector<pid_t> consumers() const;

  /// Asks it to end and waits; its exit code, or -1 for another end.
  int stop();

 private:
  pid_t pid_ = -1;
};
