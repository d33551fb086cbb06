#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "civi/agent.h"
#include "civi/connection.h"
#include "job/id.h"
#include "service/event_log.h"

namespace coworker::service {

/// How a CiviCRM site is served beside the queues of the store.
struct CiviConfig {
  /// What connections need of the supervisor that owns them.
  struct Parts {
    async::Loop& loop;
    std::vector<std::string> environment;
    std::function<int()> keeper;  // the keeper's connection; -1: there is none just now
  };
  using Connect = std::function<Result<std::shared_ptr<civi::Connection>>(const Parts&)>;

  Connect control;  // asks and claims
  Connect work;     // runs; none: as `control`, which then does both
  civi::Agent::Options agent;
};

/// The name under which the history keeps what happened to an item of CiviCRM's queues.
job::JobId civi_job_id(const std::string& queue, const std::string& item);

/// The tasks of a CiviCRM site, as a part of the supervisor: they are counted, logged and kept in the history as jobs
/// are.
///
/// Owned by the supervisor, on its loop. run() must have returned when it is destroyed.
class CiviTasks {
 public:
  /// `log` must outlive it.
  static Result<std::unique_ptr<CiviTasks>> make(const CiviConfig& config, const CiviConfig::Parts& parts,
                                                 EventLog& log);

  /// Returns when it was stopped, or its time is over; an error: the site cannot be reached any more.
  async::Task<Result<>> run();

  /// What runs has its time to end; the second time it has none.
  void stop() { agent_->stop(); }

  /// While held or paused nothing is claimed: the kill switch's word and an operator's.
  void hold(bool on);
  void pause(bool on);
  bool is_paused() const noexcept { return held_ || paused_; }

  const civi::Agent::Status& status() const { return agent_->status(); }

 private:
  explicit CiviTasks(EventLog& log) : log_{log} {}
  void tell(const civi::Agent::Event& event);

  EventLog& log_;
  std::unique_ptr<civi::Agent> agent_;
  bool held_ = false;
  bool paused_ = false;
};

}  // namespace coworker::service
