#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "worker/job.h"

namespace coworker::worker {

/// A C++ function that does jobs. Runs on a thread of the consumer; should return soon after a stop is requested (its
/// time is up, or the consumer stops). What it throws is the failure's reason.
using Handler = std::function<Outcome(const Job&, std::stop_token)>;

/// The inline workers of a program, by name: filled in main, visibly, before anything runs; then only read.
class Registry {
 public:
  /// A second handler of the same name replaces the first.
  void add(std::string name, Handler handler) { handlers_[std::move(name)] = std::move(handler); }

  /// nullptr: there is none.
  const Handler* find(const std::string& name) const {
    const auto found = handlers_.find(name);
    return found == handlers_.end() ? nullptr : &found->second;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, handler] : handlers_) out.push_back(name);
    return out;
  }

 private:
  std::map<std::string, Handler> handlers_;
};

}  // namespace coworker::worker
