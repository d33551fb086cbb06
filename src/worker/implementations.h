#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "coworker/channel_worker.h"

namespace coworker::worker {

/// A channel worker of the program: one of the two makes it, of the JSON text of its arguments.
struct Implementation {
  std::function<std::unique_ptr<RawWorker>(const std::string& arguments)> raw{};
  std::function<std::unique_ptr<EventedWorker>(const std::string& arguments)> evented{};
};

/// The channel workers of a program, by name, and what is to be called on the way to each.
struct Implementations {
  std::map<std::string, Implementation> by_name;
  std::map<Stage, std::vector<std::function<void(const std::string& name)>>> hooks;
  /// Adds those of a shared library with coworker_bootstrap_v1.
  std::function<Result<>(const std::string& library, Implementations& into)> load;
};

}  // namespace coworker::worker
