#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "base/fd.h"
#include "service/config.h"
#include "service/event.h"
#include "store/store.h"

namespace coworker::service {

/// Where the events of a process go: the log, the store's history, the event file.
///
///   log       failed and crashed at error, burials and cancelled jobs at warning, what workers say at info, all else
///   at
///             debug, unless the event has a level of its own; job, original id, queue, attempt, worker and pid are
///             fields of the line
///   history   by default what did not end well, burials, and what workers say: what somebody will ask for. That jobs
///             start and end well is most of all events, and would push the others out
///   file      every event, one line of JSON in one write(2) to a file in append mode, which processes share
///
/// Owned by the process's main object; on its loop. Answers of the store that come after it is gone hurt nobody.
class EventLog {
 public:
  EventLog(async::Loop& loop, store::Store& store, const EventConfig& config);
  /// Without a history.
  explicit EventLog(const EventConfig& config);
  ~EventLog();

  /// False: nobody wants events of that kind, and nothing need be made of it.
  bool wants(EventKind kind) const;

  /// Fills in the time.
  void tell(Event event);

  bool with_bodies() const { return config_.bodies && file_; }

  /// Opens the file again, for who has moved it away.
  void reopen();

  /// False: the store has not yet answered for what it was given.
  bool is_quiet() const;
  /// Called whenever it becomes quiet.
  void on_quiet(std::function<void()> then);

 private:
  struct Recorder;

  void write_log(const Event& event) const;
  bool in_history(EventKind kind) const;

  const EventConfig config_;
  bool has_history_;
  Fd file_;
  std::shared_ptr<Recorder> recorder_;
};

}  // namespace coworker::service
