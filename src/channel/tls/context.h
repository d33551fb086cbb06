#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "channel/tls/settings.h"

struct ssl_ctx_st;

namespace coworker::channel::tls {

struct OpenSsl;

/// Keys, certificates and rules of one side, read once: TLS 1.2 or 1.3.
///
/// Thread safety: immutable; share freely.
class Context {
 public:
  enum class Side : std::uint8_t { server, client };

  /// invalid_argument: a file that cannot be used, by its name.
  static Result<std::shared_ptr<const Context>> create(Side side, const Settings& settings);

  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Side side() const noexcept { return side_; }
  const Settings& settings() const noexcept { return settings_; }
  const OpenSsl& ssl() const noexcept { return ssl_; }
  ssl_ctx_st* native() const noexcept { return context_; }

 private:
  Context(const OpenSsl& ssl, Side side, Settings settings);
  Result<> set_up();
  Result<> take_own();
  Result<> take_trusted();

  const OpenSsl& ssl_;
  Side side_;
  Settings settings_;
  ssl_ctx_st* context_;
};

}  // namespace coworker::channel::tls
