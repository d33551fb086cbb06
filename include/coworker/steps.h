#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "coworker/master.h"
#include "coworker/status.h"

namespace coworker {

/// What a Master does, in steps that never wait: for adapters to loops of events (coworker/awaitable.h is one). A step
/// that tells `timed_out` is to be tried again when `native_handle` of the master is readable, when there is something
/// unsent and `writable_handle` is writable, or when another step took in what this one waits for, which `watch` tells.
///
/// Thread safety: that of the master, which must outlive it.
class Steps {
 public:
  explicit Steps(Master& master) : line_{*master.line_} {}

  /// timed_out: it leaves as it can, with the help of `flush`. What other steps began, too.
  Answer<> send(std::string_view json);
  Answer<> flush();
  bool has_unsent() const;
  int writable_handle() const;

  /// timed_out: the worker has not announced itself yet, and nothing was begun.
  Answer<std::uint64_t> begin_call(std::string_view json);
  Answer<std::string> end_call(std::uint64_t id, const std::function<void(const std::string&)>& on_progress);
  /// Nobody waits for it any more; the worker is told.
  void drop_call(std::uint64_t id);

  Answer<> begin_query(const std::string& cookie);  // empty: none
  Answer<Status> end_query();
  void drop_query();
  Answer<> begin_stop(const std::string& cookie);
  Answer<bool> end_stop();

  Answer<std::string> receive();
  Answer<> end_of_channel();

  /// `changed` is called after each step that took something in, until `unwatch`; it must not do a step itself.
  std::uint64_t watch(std::function<void()> changed);
  void unwatch(std::uint64_t id);

 private:
  worker::MasterLine& line_;
};

}  // namespace coworker
