#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "coworker/worker_factory.h"

namespace channel_workers {

inline constexpr std::chrono::seconds kPatience{30};  // before a test fails

/// A folder that is removed at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = "/tmp/cw-workers-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Whether a process exists, also as a zombie.
inline bool exists(long pid) {
  return std::filesystem::exists("/proc/" + std::to_string(pid));
}

}  // namespace channel_workers
