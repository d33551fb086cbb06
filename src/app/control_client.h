#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "app/command.h"
#include "base/error.h"
#include "base/time.h"
#include "channel/json_channel.h"

namespace coworker::app {

/// A connection to the control socket of a supervisor that runs.
///
/// Thread safety: one thread; calls block.
class ControlClient {
 public:
  /// Of the address that the arguments name, else the first of the configured or usual places where somebody answers.
  /// not_found names those that were tried.
  static Result<ControlClient> open(const Arguments& arguments);

  /// The result. What the other side refuses is an error with its words.
  Result<boost::json::value> call(std::string_view method, boost::json::array params);

  const std::string& address() const noexcept { return address_; }

 private:
  ControlClient(std::string address, Fd socket);

  std::string address_;
  std::unique_ptr<channel::JsonChannel> channel_;
  std::int64_t last_id_ = 0;
};

}  // namespace coworker::app
