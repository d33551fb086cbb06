#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "coworker/loop_worker.h"
#include "worker/hooks.h"
#include "worker/job.h"
#include "worker/report.h"

namespace coworker::worker {

/// How a running handler and its owner reach each other.
struct Contact {
  std::stop_token stop;                // requested when its time is up, or when its consumer stops: return soon then
  std::function<void(Report)> report;  // from any thread, while the handler runs
};

/// A C++ function that does jobs, on a thread. What it throws is the failure's reason.
using Handler = std::function<Outcome(const Job&, const Contact&)>;

/// Never throws.
Outcome call(const Handler& handler, const Job& job, const Contact& contact);

/// A loop worker of the program, as its code wants it.
struct LoopEntry {
  std::function<std::unique_ptr<LoopWorker>()> make;
  LoopOptions options{};
  /// Told each word that the worker's own handlers are told, after them; whether anybody listens. May be empty.
  std::function<bool(const std::string& word, LoopWorker& worker)> listen{};
};

/// The C++ workers of a program, by name: filled in main, visibly, before anything runs; then only read.
class Registry {
 public:
  /// A second handler of the same name replaces the first.
  void add(std::string name, Handler handler) { handlers_[std::move(name)] = std::move(handler); }

  /// nullptr: there is none.
  const Handler* find(const std::string& name) const {
    const auto found = handlers_.find(name);
    return found == handlers_.end() ? nullptr : &found->second;
  }

  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// In the order of their registration. False: the name is taken.
  bool add_loop(std::string name, LoopEntry entry) {
    if (find_loop(name) != nullptr) return false;
    loops_.emplace_back(std::move(name), std::move(entry));
    return true;
  }
  const LoopEntry* find_loop(const std::string& name) const {
    for (const auto& [each, entry] : loops_) {
      if (each == name) return &entry;
    }
    return nullptr;
  }
  const std::vector<std::pair<std::string, LoopEntry>>& loops() const { return loops_; }

  Hooks& hooks() { return hooks_; }
  const Hooks& hooks() const { return hooks_; }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, handler] : handlers_) out.push_back(name);
    return out;
  }

  /// The shared library that some of them come from, as an absolute path; empty: none.
  const std::string& library() const { return library_; }
  void set_library(std::string path) { library_ = std::move(path); }

 private:
  std::map<std::string, Handler> handlers_;
  std::vector<std::pair<std::string, LoopEntry>> loops_;
  std::string library_;
  Hooks hooks_;
};

}  // namespace coworker::worker
