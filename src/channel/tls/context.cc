#include "channel/tls/context.h"

#include <fmt/format.h>

#include "channel/tls/openssl.h"
#include "channel/tls/session.h"

namespace coworker::channel::tls {
namespace {

/// Nobody is there to type a password.
int no_password(char*, int, int, void*) {
  return -1;
}

Session& session_of(SSL* ssl, const OpenSsl& functions) {
  return *static_cast<Session*>(functions.SSL_get_ex_data(ssl, 0));
}

/// Called when the server asks for our certificate, whether we have one or not.
int asked_for_certificate(SSL* ssl, void* functions) {
  session_of(ssl, *static_cast<const OpenSsl*>(functions)).asked_for_certificate();
  return 1;
}

/// Called when the server gave us what we could come again with, which we do not keep.
int given_ticket(SSL* ssl, SSL_SESSION*) {
  if (const Result<const OpenSsl*> functions = OpenSsl::load()) session_of(ssl, **functions).given_ticket();
  return 0;
}

tl::unexpected<Error> unusable(const OpenSsl& ssl, std::string_view what, const std::string& file) {
  return fail(Errc::invalid_argument, fmt::format("TLS: use the {} '{}': {}", what, file, ssl.reason()));
}

}  // namespace

Context::Context(const OpenSsl& ssl, Side side, Settings settings)
    : ssl_{ssl},
      side_{side},
      settings_{std::move(settings)},
      context_{ssl.SSL_CTX_new(side == Side::server ? ssl.TLS_server_method() : ssl.TLS_client_method())} {}

Context::~Context() {
  ssl_.SSL_CTX_free(context_);
}

Result<std::shared_ptr<const Context>> Context::create(Side side, const Settings& settings) {
  const Result<const OpenSsl*> ssl = OpenSsl::load();
  if (!ssl) return tl::unexpected{ssl.error()};
  if (side == Side::server && settings.certificate.empty()) {
    return fail(Errc::invalid_argument, "TLS: a server needs a certificate and its key");
  }
  const std::shared_ptr<Context> context{new Context{**ssl, side, settings}};
  if (context->context_ == nullptr) return fail(Errc::resource_exhausted, "TLS: " + (*ssl)->reason());
  if (Result<> done = context->set_up(); !done) return tl::unexpected{std::move(done).error()};
  return context;
}

Result<> Context::set_up() {
  ssl_.SSL_CTX_ctrl(context_, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  // What could not be written is tried again from another place in memory, and in pieces.
  ssl_.SSL_CTX_ctrl(context_, SSL_CTRL_MODE,
                    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS,
                    nullptr);
  ssl_.SSL_CTX_set_default_passwd_cb(context_, no_password);
  if (Result<> own = take_own(); !own) return own;
  return take_trusted();
}

Result<> Context::take_own() {
  const std::string& file = settings_.certificate;
  if (file.empty()) {
    if (settings_.key.empty()) return {};
    return fail(Errc::invalid_argument, fmt::format("TLS: the key '{}' has no certificate", settings_.key));
  }
  const std::string& key = settings_.key.empty() ? file : settings_.key;
  if (ssl_.SSL_CTX_use_certificate_chain_file(context_, file.c_str()) != 1) {
    return unusable(ssl_, "certificate", file);
  }
  if (ssl_.SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ssl_.SSL_CTX_check_private_key(context_) != 1) {
    return unusable(ssl_, "key", key);
  }
  return {};
}

Result<> Context::take_trusted() {
  const std::string& file = settings_.ca;
  if (!file.empty() && ssl_.SSL_CTX_load_verify_locations(context_, file.c_str(), nullptr) != 1) {
    return unusable(ssl_, "CA", file);
  }
  if (side_ == Side::client) {
    if (file.empty()) ssl_.SSL_CTX_set_default_verify_paths(context_);
    ssl_.SSL_CTX_set_verify(context_, settings_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    ssl_.SSL_CTX_set_cert_cb(context_, asked_for_certificate, const_cast<OpenSsl*>(&ssl_));
    ssl_.SSL_CTX_ctrl(context_, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE,
                      nullptr);
    ssl_.SSL_CTX_sess_set_new_cb(context_, given_ticket);
    return {};
  }
  if (file.empty()) return {};
  ssl_.SSL_CTX_set_client_CA_list(context_, ssl_.SSL_load_client_CA_file(file.c_str()));
  // Without it a client that comes again with its session is refused.
  constexpr unsigned char kName[] = {'c', 'o', 'w', 'o', 'r', 'k', 'e', 'r'};
  ssl_.SSL_CTX_set_session_id_context(context_, kName, sizeof kName);
  ssl_.SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

}  // namespace coworker::channel::tls
