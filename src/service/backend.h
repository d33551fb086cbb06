#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "async/loop.h"
#include "service/civi_tasks.h"
#include "service/group.h"
#include "service/loops.h"
#include "store/store.h"

namespace coworker::service {

/// What the supervisor lets others ask. Its parts may come and go between two questions.
class Answering {
 public:
  virtual ~Answering() = default;
  virtual const Config& config() const = 0;
  virtual store::Store* store() = 0;  // nullptr: it is not open
  virtual const std::vector<std::unique_ptr<Group>>& groups() const = 0;
  virtual Loops* loops() = 0;     // nullptr: there are none yet
  virtual CiviTasks* civi() = 0;  // nullptr: no site is served
  virtual bool is_stopping() const = 0;
  virtual bool is_held() const = 0;  // by the kill switch
  virtual api::Reloaded read_again() = 0;
  virtual void shut_down() = 0;
};

/// api::Backend of a supervisor. A group of consumers is called "consumers:" and its queues, with commas between; one
/// that has the same queues as another before it gets "#2" and so on. A CiviCRM site is called "civi".
///
/// Lives on the supervisor's loop, and as long as it.
class SupervisorBackend final : public api::Backend {
 public:
  SupervisorBackend(async::Loop& loop, Answering& system);

  async::Task<Result<std::vector<api::WorkerView>>> workers() override;
  async::Task<Result<api::WorkerView>> worker(std::string name) override;
  async::Task<Result<>> pause(std::string name) override;
  async::Task<Result<>> resume(std::string name) override;
  async::Task<Result<>> start(std::string name) override;
  async::Task<Result<>> stop(std::string name) override;
  async::Task<Result<>> restart(std::string name) override;
  async::Task<Result<>> scale(std::string name, std::uint32_t processes) override;
  async::Task<Result<boost::json::value>> send(std::string name, std::string word,
                                               boost::json::value arguments) override;
  async::Task<Result<api::DaemonView>> status() override;
  async::Task<Result<api::Reloaded>> reload() override;
  async::Task<Result<>> shutdown() override;
  job::NewJob new_job(const std::string& queue) override;
  bool revives() override;
  async::Task<Result<job::Answer>> ask(job::Command command) override;

 private:
  std::vector<std::pair<std::string, Group*>> named_groups() const;
  Group* group(const std::string& name) const;
  Error unknown(const std::string& name) const;
  bool has_loop(const std::string& name) const;
  async::Task<Result<>> act(std::string name, Result<> (Group::*of_group)(),
                            async::Task<Result<>> (Loops::*of_loop)(std::string), std::optional<bool> pauses_site);
  bool is_site(const std::string& name) const;

  async::Loop& loop_;
  Answering& system_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace coworker::service
