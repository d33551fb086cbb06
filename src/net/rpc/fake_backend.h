#pragma once

#include <deque>
#include <string>
#include <vector>

#include "api/backend.h"

namespace coworker::net::rpc {

/// A system of two loop workers that remembers what it was asked for.
class FakeBackend : public api::Backend {
 public:
  FakeBackend() {
    for (const char* name : {"copier", "cleaner"}) {
      api::WorkerView& view = all.emplace_back();
      view.name = name;
      view.state = api::LoopState::looping;
      view.looptime = Millis{1'000};
      view.pid = 17;
    }
  }

  async::Task<Result<std::vector<api::WorkerView>>> workers() override { co_return all; }
  async::Task<Result<api::WorkerView>> worker(std::string name) override {
    api::WorkerView* view = find(name);
    if (view == nullptr) co_return tl::unexpected{unknown(name)};
    co_return *view;
  }
  async::Task<Result<>> pause(std::string name) override { return become(name, api::LoopState::paused); }
  async::Task<Result<>> resume(std::string name) override { return become(name, api::LoopState::looping); }
  async::Task<Result<>> start(std::string name) override { return become(name, api::LoopState::looping); }
  async::Task<Result<>> stop(std::string name) override { return become(name, api::LoopState::exited); }
  async::Task<Result<>> restart(std::string name) override { return become(name, api::LoopState::looping); }
  async::Task<Result<>> scale(std::string name, std::uint32_t processes) override {
    asked.push_back("scale " + name + " " + std::to_string(processes));
    co_return Result<>{};
  }
  async::Task<Result<boost::json::value>> send(std::string name, std::string word,
                                               boost::json::value arguments) override {
    asked.push_back("send " + name + " " + word);
    co_return arguments;
  }
  async::Task<Result<api::DaemonView>> status() override {
    api::DaemonView view;
    view.pid = 4;
    co_return view;
  }
  async::Task<Result<api::Reloaded>> reload() override { co_return api::Reloaded{true, {"as it was"}}; }
  async::Task<Result<>> shutdown() override {
    asked.push_back("shutdown");
    co_return Result<>{};
  }
  job::NewJob new_job(const std::string& queue) override {
    job::NewJob job;
    job.queue = queue;
    return job;
  }
  bool revives() override { return can_revive; }
  async::Task<Result<job::Answer>> ask(job::Command command) override {
    commands.push_back(std::move(command));
    if (answers.empty()) co_return fail(Errc::unavailable, "the store is not open");
    Result<job::Answer> answer = std::move(answers.front());
    answers.pop_front();
    co_return answer;
  }

  api::WorkerView* find(const std::string& name) {
    for (api::WorkerView& each : all) {
      if (each.name == name) return &each;
    }
    return nullptr;
  }

  std::vector<api::WorkerView> all;
  std::vector<std::string> asked;
  bool can_revive = false;
  std::vector<job::Command> commands;  // to the store
  std::deque<Result<job::Answer>> answers;

 private:
  static Error unknown(const std::string& name) { return {Errc::not_found, "there is no worker '" + name + "'"}; }

  async::Task<Result<>> become(std::string name, api::LoopState state) {
    api::WorkerView* view = find(name);
    if (view == nullptr) co_return tl::unexpected{unknown(name)};
    view->state = state;
    co_return Result<>{};
  }
};

}  // namespace coworker::net::rpc
