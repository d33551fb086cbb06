#pragma once

#include <string>
#include <string_view>

namespace coworker::store {

/// What a store can do beyond adding, claiming and answering for jobs. Checked when the configuration is
/// read; a store refuses a capability openly and never emulates it badly.
struct Capabilities {
  bool fencing = false;        // tokens on ack, retry, extend, bury, release
  bool delayed_retry = false;  // retry keeps the id and takes a delay
  bool groups = false;
  bool unique = false;
  bool idempotency = false;
  bool registers = false;
  bool priorities = false;
  bool bury = false;
  bool history = false;  // Record and History
  bool owners = false;   // Claim::owner and Disown
  bool revival = false;  // MoveDead

  friend bool operator==(const Capabilities&, const Capabilities&) = default;

  static constexpr Capabilities all() { return {true, true, true, true, true, true, true, true, true, true, true}; }
};

/// Their names with blanks between, as CW.HELLO says them, and back; unknown names are passed over.
std::string features_of(const Capabilities& capabilities);
Capabilities capabilities_of(std::string_view features);

bool has_feature(std::string_view features, std::string_view name);

}  // namespace coworker::store
