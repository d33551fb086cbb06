#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/loop.h"
#include "base/time.h"
#include "worker/curl.h"

namespace coworker::worker {

struct Proxy;

struct HttpRequest {
  std::string url;
  std::string method;
  std::string body;  // sent, with its length, unless empty and has_body is false
  bool has_body = false;
  std::map<std::string, std::string> headers;
  std::uint32_t redirects = 0;
  std::uint64_t response_limit = 0;
  std::string ca_file;      // authorities to trust instead of the system's
  Millis limit{0};          // for everything; 0: none
  Millis connect_limit{0};  // for name, connection and TLS; 0: libcurl's, five minutes
  bool alone = false;       // over a connection of its own, which is not kept
  Millis idle_limit{0};     // a kept connection that was idle for longer is not used; 0: libcurl's, two minutes
};

struct HttpResponse {
  long status = 0;   // 0: there was none
  std::string body;  // at most the limit
  bool too_long = false;
  std::string error;       // of the transfer; empty: it was complete
  bool untrusted = false;  // the other side's certificate is not to be trusted
  bool outdated = false;   // the reason is the certificate's dates, or our clock
  bool in_vain = false;    // a proxy in between wants another login
  bool sent = false;       // something of the request left: the server may have acted on it
  bool outlived = false;   // it was sent over a kept connection that the other side had closed, or was about to
  std::string proxy{};     // that stands in between, without its password; empty: none
  std::string content_type;
  std::string location;  // absolute, of a redirect that was not followed
  std::optional<Millis> retry_after{};
};

/// libcurl's transfers on the loop: sockets and timers are the loop's, nothing blocks, names are resolved on a thread
/// of libcurl's. Connections are kept for the next transfer.
///
/// A request with a body is sent once: where a kept connection dies before anything came back, libcurl would repeat the
/// request by itself, although the server may have acted on it. Here that is an error, with `sent`.
///
/// HTTP/1.1 also where a server offers more: each request has a connection to itself while it is open, so that what
/// goes wrong with one harms no other, and one that has fallen silent is given up with the request that waited for it.
///
/// Proxies are those that the environment names, see proxy.h; what is wrong with one is in the error.
///
/// Certificates are verified against the system's authorities, or those that CURL_CA_BUNDLE, SSL_CERT_FILE or
/// SSL_CERT_DIR name in the environment.
///
/// Thread safety: the loop's thread.
class HttpTransfers {
 public:
  using Id = std::uint64_t;
  using Done = std::function<void(HttpResponse)>;

  /// Not more than `host_connections` to one host at a time (0: as many as there are transfers); others wait.
  HttpTransfers(async::Loop& loop, const Curl& curl, std::uint32_t host_connections = 0);
  ~HttpTransfers();
  HttpTransfers(const HttpTransfers&) = delete;
  HttpTransfers& operator=(const HttpTransfers&) = delete;

  /// `done` is called once, on the loop, unless it is cancelled.
  Id start(HttpRequest request, Done done);
  void cancel(Id id);

 private:
  using Stream = boost::asio::posix::stream_descriptor;
  struct Transfer;
  struct Socket;

  void set_options(Transfer& transfer);
  void set_trust(Transfer& transfer);
  void set_body(Transfer& transfer);
  static void tell_proxy(const Curl& curl, const Transfer& transfer, CURLcode code, const Proxy& proxy,
                         HttpResponse& response);
  void watch(curl_socket_t fd, int what);
  void wait(const std::shared_ptr<Socket>& socket, bool for_writing);
  void act(curl_socket_t fd, int events);
  void arm(long milliseconds);
  void finish_done();
  void remove(Transfer& transfer);
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_body(char* buffer, std::size_t size, std::size_t count, void* transfer);
  static int on_rewind(void* transfer, curl_off_t offset, int origin);

  async::Loop& loop_;
  const Curl& curl_;
  CURLM* multi_;
  boost::asio::steady_timer timer_;
  std::map<curl_socket_t, std::shared_ptr<Socket>> sockets_;
  std::map<Id, std::unique_ptr<Transfer>> transfers_;
  Id next_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace coworker::worker
