#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "channel/tls/context.h"

struct ssl_st;

namespace coworker::channel::tls {

/// TLS on one socket that does not block. An operation that has to wait is called again, with the same bytes, once the
/// socket is ready for what it wants.
///
/// Thread safety: none.
class Session {
 public:
  enum class Step : std::uint8_t {
    done,
    wants_read,
    wants_write,
    closed,  // the other side said that nothing more comes
    failed,  // see error
  };
  struct Moved {
    Step step;
    std::size_t bytes = 0;
  };

  /// `host`: of a client, whom it means to reach. The socket stays the caller's.
  Session(std::shared_ptr<const Context> context, int socket, const std::string& host);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Step handshake();
  Moved read(std::span<char> room);
  Moved write(std::string_view bytes);
  /// Says that nothing more comes from us.
  Step end();

  /// Whether the server has still to say that it likes our certificate, which in TLS 1.3 comes after the handshake.
  /// `confirm` is done once it has.
  bool awaits_verdict() const;
  Step confirm();
  void asked_for_certificate() noexcept { is_asked_ = true; }
  void given_ticket() noexcept { is_liked_ = true; }

  /// Why it failed.
  const std::string& error() const noexcept { return error_; }
  /// Of the other side's certificate: "/O=…/CN=…"; empty: it showed none.
  std::string subject() const;

 private:
  Step judge(int result);
  std::string why(int code) const;

  std::shared_ptr<const Context> context_;
  const OpenSsl& ssl_;
  ssl_st* session_;
  std::string error_;
  bool is_asked_ = false;  // for our certificate
  bool is_liked_ = false;  // the server went on to the next thing
};

}  // namespace coworker::channel::tls
