#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

/// A run of the program that has ended.
struct Ran {
  int code = -1;  // -1: it did not exit by itself
  std::string out;
  std::string err;
};

/// A folder of its own for a test, and the real program run in it.
class Sandbox {
 public:
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  using Words = std::vector<std::string>;

  /// Runs `coworker WORDS…`, or another program if the first word is its absolute path, to its end, in `directory`
  /// (default: the folder), with `input` on standard input.
  Ran run(const Words& words, const std::string& input = {}, const Words& environment = {},
          const std::string& directory = {}) const;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;

 private:
  friend class Background;
  std::string folder_;
};

/// A program that runs beside the test; ended when it goes out of scope.
class Background {
 public:
  Background(const Sandbox& sandbox, const Sandbox::Words& words, const Sandbox::Words& environment = {});
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  pid_t pid() const { return pid_; }
  /// SIGTERM, then the exit code.
  int stop();
  std::string log() const;

 private:
  const Sandbox& sandbox_;
  std::string log_;
  pid_t pid_ = -1;
};

/// Looks until it is true; false when that takes more than 20 s.
bool eventually(const std::function<bool()>& is_true);
