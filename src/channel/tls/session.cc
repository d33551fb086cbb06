#include "channel/tls/session.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "channel/tls/openssl.h"

namespace coworker::channel::tls {
namespace {

bool is_number(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

int length_of(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, INT_MAX));
}

}  // namespace

Session::Session(std::shared_ptr<const Context> context, int socket, const std::string& host)
    : context_{std::move(context)}, ssl_{context_->ssl()}, session_{ssl_.SSL_new(context_->native())} {
  if (session_ == nullptr) return;
  ssl_.SSL_set_ex_data(session_, 0, this);
  ssl_.SSL_set_fd(session_, socket);
  if (context_->side() == Context::Side::server) {
    ssl_.SSL_set_accept_state(session_);
    return;
  }
  ssl_.SSL_set_connect_state(session_);
  const std::string& name = context_->settings().name.empty() ? host : context_->settings().name;
  if (is_number(name)) {
    ssl_.X509_VERIFY_PARAM_set1_ip_asc(ssl_.SSL_get0_param(session_), name.c_str());
  } else {
    ssl_.SSL_ctrl(session_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str()));
    ssl_.SSL_set1_host(session_, name.c_str());
  }
}

Session::~Session() {
  ssl_.SSL_free(session_);
}

Session::Step Session::judge(int result) {
  if (result > 0) return Step::done;
  const int system = errno;
  const int code = ssl_.SSL_get_error(session_, result);
  switch (code) {
    case SSL_ERROR_WANT_READ:
      return Step::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Step::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Step::closed;
    default:
      errno = system;
      error_ = why(code);
      return Step::failed;
  }
}

std::string Session::why(int code) const {
  const int system = errno;
  const long verdict = ssl_.SSL_get_verify_result(session_);
  if (verdict != X509_V_OK && context_->settings().verify) {
    ssl_.ERR_clear_error();
    return std::string{"its certificate is not accepted: "} + ssl_.X509_verify_cert_error_string(verdict);
  }
  if (code == SSL_ERROR_SYSCALL) {
    ssl_.ERR_clear_error();
    return system == 0 ? "the connection was closed without a word" : std::strerror(system);
  }
  const std::string reason = ssl_.reason();
  const bool is_plain = reason == "wrong version number" || reason == "http request" ||
                        reason == "packet length too long" || reason == "unexpected message";
  return is_plain ? "the other side does not speak TLS (" + reason + ")" : reason;
}

Session::Step Session::handshake() {
  if (session_ == nullptr) {
    error_ = "no memory";
    return Step::failed;
  }
  ssl_.ERR_clear_error();
  errno = 0;
  return judge(ssl_.SSL_do_handshake(session_));
}

Session::Moved Session::read(std::span<char> room) {
  ssl_.ERR_clear_error();
  errno = 0;
  const int got = ssl_.SSL_read(session_, room.data(), length_of(room.size()));
  return {judge(got), static_cast<std::size_t>(std::max(got, 0))};
}

Session::Moved Session::write(std::string_view bytes) {
  ssl_.ERR_clear_error();
  errno = 0;
  const int put = ssl_.SSL_write(session_, bytes.data(), length_of(bytes.size()));
  return {judge(put), static_cast<std::size_t>(std::max(put, 0))};
}

Session::Step Session::end() {
  ssl_.ERR_clear_error();
  errno = 0;
  const int ended = ssl_.SSL_shutdown(session_);
  // 0: said, and not heard yet from the other side.
  return ended >= 0 ? Step::done : judge(ended);
}

bool Session::awaits_verdict() const {
  return context_->side() == Context::Side::client && ssl_.SSL_version(session_) >= TLS1_3_VERSION && is_asked_ &&
         !is_liked_;
}

Session::Step Session::confirm() {
  ssl_.ERR_clear_error();
  errno = 0;
  char first = 0;
  const Step step = judge(ssl_.SSL_peek(session_, &first, 1));
  return is_liked_ && step == Step::wants_read ? Step::done : step;
}

std::string Session::subject() const {
  X509* certificate = ssl_.SSL_get1_peer_certificate(session_);
  if (certificate == nullptr) return {};
  char text[512] = "";
  ssl_.X509_NAME_oneline(ssl_.X509_get_subject_name(certificate), text, sizeof text);
  ssl_.X509_free(certificate);
  return text;
}

}  // namespace coworker::channel::tls
