#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "civi/greeting.h"
#include "civi/identity.h"
#include "worker/conversation.h"

namespace coworker::civi {

/// What is said to one process of `Civi::pipe()`, as JSON-RPC 2.0 in lines:
///
///   it      {"Civi::pipe":{"v":"5.81.0","t":"trusted","l":["login"]}}
///   we      options {"responsePrefix":"\u0001\u0001","apiCheckPermissions":false,"bufferSize":…}
///   we      login {"contactId":"3","domainId":"1"}                       only where the identity is a contact
///   we      api4 [entity, action, {…}]                                    the body of a job, as it is
///
/// What it answers begins with the prefix, and all that comes before is what somebody printed: it is reported. Before
/// the first answer, and with a server that takes no prefix, an answer is known by its id alone.
///
/// A job's outcome is the `result`, as JSON, or failed with the message of the error.
class PipeConversation : public worker::Conversation {
 public:
  struct Terms {
    std::string least_version = "5.51.alpha1";
    std::uint64_t buffer_size = 4u << 20;  // bytes of a request that we ask for
  };
  /// Whoever is interested sees the greeting here, once it was accepted.
  using Greeted = std::shared_ptr<std::optional<Greeting>>;

  PipeConversation(Terms terms, Identity identity, Greeted greeted = nullptr);

  bool is_ready() const override { return stage_ == Stage::ready; }
  Result<std::string> request(const worker::Job& job) override;
  worker::Heard hear(std::string_view line) override;
  std::uint64_t requests_before() const override { return identity_.is_nobody() ? 0 : 1; }
  std::string not_understood() const override { return noise_; }

 private:
  enum class Stage : std::uint8_t { greeting, options, login, ready };

  worker::Heard hear_greeting(std::string_view line);
  worker::Heard hear_answer(std::string_view answer, worker::Report before);
  worker::Heard hear_options(std::string_view result);
  worker::Heard settled();
  worker::Heard noise(std::string_view text);
  std::string open(std::string_view method, std::string_view params);

  const Terms terms_;
  const Identity identity_;
  Greeted greeted_;
  Stage stage_ = Stage::greeting;
  std::uint64_t last_id_ = 0;
  bool is_open_ = false;  // the request of that id
  bool has_prefix_ = false;
  std::uint64_t buffer_size_ = 524'288;
  std::string noise_;  // the first of it, before it was ready
};

}  // namespace coworker::civi
