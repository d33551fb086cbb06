#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/gate.h"
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

  std::string made_of;  // differs where anything does; holds secrets
  Connect control;      // asks and claims
  Connect work;         // runs; none: as `control`, which then does both
  civi::Agent::Options agent;
};

/// The name under which the history keeps what happened to an item of CiviCRM's queues.
job::JobId civi_job_id(const std::string& queue, const std::string& item);

/// The tasks of a CiviCRM site, as a part of the supervisor: they are counted, logged and kept in the history as jobs
/// are.
///
/// A changed configuration has an agent of its own from then on; the one before claims nothing more, and lets its tasks
/// end.
///
/// Owned by the supervisor, on its loop. Must be over when it is destroyed.
class CiviTasks {
 public:
  struct Events {
    std::function<void(Result<>)> on_end;  // the site is not served any more; an error: it cannot be reached
    std::function<void()> on_over;         // nothing of it runs
  };

  /// `gate` and `log` must outlive it.
  CiviTasks(CiviConfig::Parts parts, async::Gate& gate, EventLog& log, Events events);

  /// From now on; null: no site. What is configured as before goes on. An error: nothing has changed.
  Result<> serve(std::shared_ptr<const CiviConfig> config);

  /// What runs has its time to end; the second time it has none.
  void stop();

  /// While held or paused nothing is claimed: the kill switch's word and an operator's.
  void hold(bool on);
  void pause(bool on);
  bool is_paused() const noexcept { return held_ || paused_; }

  bool is_over() const noexcept { return agents_.empty(); }
  /// Of all agents there were; site and failures are the last one's.
  civi::Agent::Status status() const;

 private:
  Result<std::unique_ptr<civi::Agent>> make(const CiviConfig& config);
  async::Task<> run(civi::Agent* agent);
  void tell(const civi::Agent::Event& event);

  CiviConfig::Parts parts_;
  async::Gate& gate_;
  EventLog& log_;
  Events events_;
  std::vector<std::unique_ptr<civi::Agent>> agents_;  // but the last one drain
  std::shared_ptr<const CiviConfig> config_;          // of the last one; null: it drains, too
  civi::Agent::Status past_;                          // of those that have ended
  bool held_ = false;
  bool paused_ = false;
};

}  // namespace coworker::service
