#include "channel/tls/openssl.h"

#include <dlfcn.h>

#include <cstring>
#include <mutex>

namespace coworker::channel::tls {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, OpenSsl& ssl) {
  // Those of libcrypto are found through libssl, which needs it.
  return find(library, "TLS_server_method", ssl.TLS_server_method) &&
         find(library, "TLS_client_method", ssl.TLS_client_method) && find(library, "SSL_CTX_new", ssl.SSL_CTX_new) &&
         find(library, "SSL_CTX_free", ssl.SSL_CTX_free) && find(library, "SSL_CTX_ctrl", ssl.SSL_CTX_ctrl) &&
         find(library, "SSL_CTX_use_certificate_chain_file", ssl.SSL_CTX_use_certificate_chain_file) &&
         find(library, "SSL_CTX_use_PrivateKey_file", ssl.SSL_CTX_use_PrivateKey_file) &&
         find(library, "SSL_CTX_check_private_key", ssl.SSL_CTX_check_private_key) &&
         find(library, "SSL_CTX_set_default_passwd_cb", ssl.SSL_CTX_set_default_passwd_cb) &&
         find(library, "SSL_CTX_load_verify_locations", ssl.SSL_CTX_load_verify_locations) &&
         find(library, "SSL_CTX_set_default_verify_paths", ssl.SSL_CTX_set_default_verify_paths) &&
         find(library, "SSL_load_client_CA_file", ssl.SSL_load_client_CA_file) &&
         find(library, "SSL_CTX_set_client_CA_list", ssl.SSL_CTX_set_client_CA_list) &&
         find(library, "SSL_CTX_set_session_id_context", ssl.SSL_CTX_set_session_id_context) &&
         find(library, "SSL_CTX_set_verify", ssl.SSL_CTX_set_verify) &&
         find(library, "SSL_CTX_set_cert_cb", ssl.SSL_CTX_set_cert_cb) &&
         find(library, "SSL_CTX_sess_set_new_cb", ssl.SSL_CTX_sess_set_new_cb) &&
         find(library, "SSL_new", ssl.SSL_new) && find(library, "SSL_free", ssl.SSL_free) &&
         find(library, "SSL_set_fd", ssl.SSL_set_fd) &&
         find(library, "SSL_set_accept_state", ssl.SSL_set_accept_state) &&
         find(library, "SSL_set_connect_state", ssl.SSL_set_connect_state) && find(library, "SSL_ctrl", ssl.SSL_ctrl) &&
         find(library, "SSL_set1_host", ssl.SSL_set1_host) && find(library, "SSL_get0_param", ssl.SSL_get0_param) &&
         find(library, "X509_VERIFY_PARAM_set1_ip_asc", ssl.X509_VERIFY_PARAM_set1_ip_asc) &&
         find(library, "SSL_set_ex_data", ssl.SSL_set_ex_data) &&
         find(library, "SSL_get_ex_data", ssl.SSL_get_ex_data) &&
         find(library, "SSL_do_handshake", ssl.SSL_do_handshake) && find(library, "SSL_read", ssl.SSL_read) &&
         find(library, "SSL_peek", ssl.SSL_peek) && find(library, "SSL_write", ssl.SSL_write) &&
         find(library, "SSL_shutdown", ssl.SSL_shutdown) && find(library, "SSL_get_error", ssl.SSL_get_error) &&
         find(library, "SSL_version", ssl.SSL_version) &&
         find(library, "SSL_get_verify_result", ssl.SSL_get_verify_result) &&
         find(library, "SSL_get1_peer_certificate", ssl.SSL_get1_peer_certificate) &&
         find(library, "X509_verify_cert_error_string", ssl.X509_verify_cert_error_string) &&
         find(library, "X509_get_subject_name", ssl.X509_get_subject_name) &&
         find(library, "X509_NAME_oneline", ssl.X509_NAME_oneline) && find(library, "X509_free", ssl.X509_free) &&
         find(library, "ERR_get_error", ssl.ERR_get_error) && find(library, "ERR_clear_error", ssl.ERR_clear_error) &&
         find(library, "ERR_reason_error_string", ssl.ERR_reason_error_string);
}

}  // namespace

Result<const OpenSsl*> OpenSsl::load() {
  static std::mutex mutex;
  static OpenSsl ssl;
  static bool loaded = false;
  const std::lock_guard lock{mutex};
  if (loaded) return &ssl;
  void* library = ::dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Errc::unavailable, std::string{"load OpenSSL for TLS (Debian's package libssl3): "} + ::dlerror());
  }
  if (!find_all(library, ssl)) return fail(Errc::unavailable, "libssl.so.3 is too old for TLS");
  loaded = true;
  return &ssl;
}

std::string OpenSsl::reason() const {
  const unsigned long code = ERR_get_error();
  if (ERR_SYSTEM_ERROR(code)) {
    ERR_clear_error();
    return std::strerror(static_cast<int>(ERR_GET_REASON(code)));
  }
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return text == nullptr ? "no reason is known" : text;
}

}  // namespace coworker::channel::tls
