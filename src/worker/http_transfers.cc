#define CURL_DISABLE_TYPECHECK
#include "worker/http_transfers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "worker/proxy.h"

namespace coworker::worker {
namespace {

constexpr std::size_t kLongestUrl = 8'000'000;  // libcurl takes no longer text
constexpr std::size_t kLongestHead = 1 << 18;   // of an answer
constexpr long kSilence = 60;                   // seconds; a way that forgets what is silent does so after minutes

}  // namespace

struct HttpTransfers::Transfer {
  Id id = 0;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  HttpRequest request;
  HttpResponse response;
  Done done;
  std::size_t body_at = 0;    // what of the body was handed to libcurl
  bool was_answered = false;  // since the body was last sent from its beginning
  std::size_t head = 0;       // bytes of the answer's headers
  char error[CURL_ERROR_SIZE] = {};
};

/// A socket of libcurl's; ours is a copy of its descriptor, so that it may close its own at any time.
struct HttpTransfers::Socket {
  Socket(async::Loop& loop, curl_socket_t given) : fd{given}, stream{loop} {}

  curl_socket_t fd;
  Stream stream;
  int wanted = 0;  // CURL_POLL_…
  bool reading = false;
  bool writing = false;
};

namespace {

/// What libcurl knows of a transfer beside its body.
void read_facts(const Curl& curl, CURL* easy, CURLcode code, bool is_secure, HttpResponse& response) {
  long sent = 0;
  long connections = 0;
  curl_off_t secured = 0;
  const char* text = nullptr;
  curl_off_t seconds = 0;
  curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response.status);
  if (curl.easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK) response.sent = sent > 0;
  // Before its handshake with the server, a new connection has sent nothing but a request to a proxy to lead there.
  curl.easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
  curl.easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &secured);
  // libcurl itself would send it again then, and over a new connection.
  const bool is_kept = code == CURLE_SEND_FAIL_REWIND || connections == 0;
  const bool is_closed = code == CURLE_SEND_FAIL_REWIND || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
                         code == CURLE_SEND_ERROR;
  response.outlived = is_kept && is_closed && response.status == 0;
  if (is_secure && connections > 0 && secured == 0) response.sent = false;
  if (curl.easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text != nullptr)
    response.content_type = text;
  if (curl.easy_getinfo(easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK && text != nullptr) response.location = text;
  if (curl.easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
    response.retry_after = std::chrono::seconds{seconds};
  }
}

/// What libcurl's words leave open.
void explain_tls(const Curl& curl, CURL* easy, CURLcode code, HttpResponse& response) {
  constexpr long kNotYetValid = 9;  // of OpenSSL
  constexpr long kExpired = 10;
  if (code == CURLE_SSL_CONNECT_ERROR && response.error.find("wrong version number") != std::string::npos) {
    response.error += " (no TLS is spoken there: is the address one of http?)";
  }
  long verdict = 0;
  curl.easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
  response.outdated = response.untrusted && (verdict == kNotYetValid || verdict == kExpired);
  if (!response.outdated) return;
  const std::time_t now = std::time(nullptr);
  char date[32] = {};
  std::tm parts{};
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", ::gmtime_r(&now, &parts));
  response.error += fmt::format(" (the clock of this machine says {})", date);
}

}  // namespace

/// What a proxy has to do with it. Its password may stand in libcurl's own words.
void HttpTransfers::tell_proxy(const Curl& curl, const Transfer& transfer, CURLcode code, const Proxy& proxy,
                               HttpResponse& response) {
  long status = 0;
  curl_off_t connected = 0;
  curl.easy_getinfo(transfer.easy, CURLINFO_HTTP_CONNECTCODE, &status);
  curl.easy_getinfo(transfer.easy, CURLINFO_CONNECT_TIME_T, &connected);
  std::string& error = response.error;
  if (const std::size_t at = error.find(proxy.address); at != std::string::npos) {
    error.replace(at, proxy.address.size(), proxy.shown());
  }
  response.proxy = proxy.shown();
  const std::string mend = fmt::format("mend {}, or name the host in no_proxy", proxy.variable);
  if (status == 407 || response.status == 407) {
    error =
        fmt::format("the proxy {} {}", response.proxy,
                    proxy.has_login ? "does not accept the user and password that it is given (status 407)"
                                    : "wants to know who we are (status 407): write http://USER:PASSWORD@HOST:PORT");
    response.in_vain = true;
    if (response.status == 407 && status != 407) response.sent = false;
  } else if (status >= 300) {
    error = fmt::format("the proxy {} does not lead there (status {}): {}", response.proxy, status, mend);
  } else if (code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT ||
             (code == CURLE_OPERATION_TIMEDOUT && connected == 0 && !response.sent)) {
    error = fmt::format("the proxy {} cannot be reached: {}: {}", response.proxy, error, mend);
  } else if (!error.empty()) {
    error += fmt::format(" (by way of the proxy {})", response.proxy);
  }
}

HttpTransfers::HttpTransfers(async::Loop& loop, const Curl& curl, std::uint32_t host_connections)
    : loop_{loop}, curl_{curl}, multi_{curl.multi_init()}, timer_{loop} {
  curl_.multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(host_connections));
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &HttpTransfers::on_socket);
  curl_.multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &HttpTransfers::on_timer);
  curl_.multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

HttpTransfers::~HttpTransfers() {
  alive_.reset();
  for (auto& [id, transfer] : transfers_) remove(*transfer);
  curl_.multi_cleanup(multi_);
}

HttpTransfers::Id HttpTransfers::start(HttpRequest request, Done done) {
  auto transfer = std::make_unique<Transfer>();
  transfer->id = next_++;
  transfer->request = std::move(request);
  transfer->done = std::move(done);
  transfer->easy = curl_.easy_init();
  set_options(*transfer);
  const Id id = transfer->id;
  CURL* easy = transfer->easy;
  transfers_.emplace(id, std::move(transfer));
  // Calls on_timer; the transfer begins in the timer's turn.
  curl_.multi_add_handle(multi_, easy);
  return id;
}

void HttpTransfers::set_options(Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  const auto set = [&](CURLoption option, auto value) { curl_.easy_setopt(transfer.easy, option, value); };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  // A transfer that is cancelled while its host's name is looked up does not wait for that.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_PRIVATE, &transfer);
  set(CURLOPT_ERRORBUFFER, transfer.error);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_WRITEFUNCTION, &HttpTransfers::on_data);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_USERAGENT, "coworker");
  set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, kSilence);
  set(CURLOPT_TCP_KEEPINTVL, kSilence / 3);
  set(CURLOPT_FOLLOWLOCATION, request.redirects > 0 ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(request.redirects));
  // A proxy's word is no answer: on_rewind asks whether there was one.
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_HEADERFUNCTION, &HttpTransfers::on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  if (request.limit > Millis{0}) set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
  if (request.connect_limit > Millis{0}) {
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_limit.count()));
  }
  if (request.idle_limit > Millis{0}) {
    set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(request.idle_limit).count()));
  }
  set(CURLOPT_FRESH_CONNECT, request.alone ? 1L : 0L);
  set(CURLOPT_FORBID_REUSE, request.alone ? 1L : 0L);
  set_trust(transfer);
  if (request.has_body) set_body(transfer);
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  // Named only where it differs from what libcurl does by itself: a named one is kept after every redirect.
  const bool is_usual = request.method == (request.has_body ? "POST" : "GET") || request.method == "HEAD";
  if (!is_usual) set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  // Large bodies would else wait a second for a 100 that many servers never send.
  transfer.headers = curl_.slist_append(nullptr, "Expect:");
  for (const auto& [name, text] : request.headers) {
    const std::string line = text.empty() ? name + ";" : name + ": " + text;
    transfer.headers = curl_.slist_append(transfer.headers, line.c_str());
  }
  set(CURLOPT_HTTPHEADER, transfer.headers);
}

void HttpTransfers::set_trust(Transfer& transfer) {
  const auto set = [&](CURLoption option, const char* path) { curl_.easy_setopt(transfer.easy, option, path); };
  if (!transfer.request.ca_file.empty()) return set(CURLOPT_CAINFO, transfer.request.ca_file.c_str());
  const auto named = [](const char* name) -> const char* {
    const char* path = std::getenv(name);
    return path != nullptr && *path != '\0' ? path : nullptr;
  };
  if (const char* file = named("CURL_CA_BUNDLE")) return set(CURLOPT_CAINFO, file);
  if (const char* folder = named("SSL_CERT_DIR")) set(CURLOPT_CAPATH, folder);
  if (const char* file = named("SSL_CERT_FILE")) set(CURLOPT_CAINFO, file);
}

// Read through functions of ours: only so may we say whether it may be sent again.
void HttpTransfers::set_body(Transfer& transfer) {
  const auto set = [&](CURLoption option, auto value) { curl_.easy_setopt(transfer.easy, option, value); };
  set(CURLOPT_POST, 1L);
  set(CURLOPT_READFUNCTION, &HttpTransfers::on_body);
  set(CURLOPT_READDATA, &transfer);
  set(CURLOPT_SEEKFUNCTION, &HttpTransfers::on_rewind);
  set(CURLOPT_SEEKDATA, &transfer);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.request.body.size()));
}

void HttpTransfers::cancel(Id id) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) return;
  const std::unique_ptr<Transfer> transfer = std::move(found->second);
  transfers_.erase(found);
  remove(*transfer);
}

void HttpTransfers::remove(Transfer& transfer) {
  curl_.multi_remove_handle(multi_, transfer.easy);
  curl_.easy_cleanup(transfer.easy);
  curl_.slist_free_all(transfer.headers);
}

std::size_t HttpTransfers::on_data(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = size * count;
  std::string& body = transfer.response.body;
  const std::size_t room = transfer.request.response_limit - body.size();
  body.append(data, std::min(bytes, room));
  transfer.response.too_long = bytes > room;
  return transfer.response.too_long ? 0 : bytes;  // fewer than it has ends the transfer
}

std::size_t HttpTransfers::on_header(char*, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.was_answered = true;
  transfer.head += size * count;
  transfer.response.too_long = transfer.head > kLongestHead;
  return transfer.response.too_long ? 0 : size * count;
}

std::size_t HttpTransfers::on_body(char* buffer, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = transfer.request.body.copy(buffer, size * count, transfer.body_at);
  transfer.body_at += bytes;
  return bytes;
}

// A redirect and a demand for credentials are answers; a connection that died is none.
int HttpTransfers::on_rewind(void* context, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (!transfer.was_answered || offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_FAIL;
  transfer.was_answered = false;
  transfer.body_at = 0;
  return CURL_SEEKFUNC_OK;
}

// ---- what libcurl waits for ---------------------------------------------------------------------

int HttpTransfers::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  static_cast<HttpTransfers*>(self)->watch(fd, what);
  return 0;
}

void HttpTransfers::watch(curl_socket_t fd, int what) {
  std::shared_ptr<Socket>& socket = sockets_[fd];
  if (what == CURL_POLL_REMOVE) {
    if (socket) socket->stream.close();
    sockets_.erase(fd);
    return;
  }
  if (!socket) {
    socket = std::make_shared<Socket>(loop_, fd);
    boost::system::error_code error;
    socket->stream.assign(::dup(fd), error);
    if (error) return;
  }
  socket->wanted = what;
  if ((what & CURL_POLL_IN) != 0 && !socket->reading) wait(socket, false);
  if ((what & CURL_POLL_OUT) != 0 && !socket->writing) wait(socket, true);
}

void HttpTransfers::wait(const std::shared_ptr<Socket>& socket, bool for_writing) {
  bool Socket::* const waiting = for_writing ? &Socket::writing : &Socket::reading;
  const int poll = for_writing ? CURL_POLL_OUT : CURL_POLL_IN;
  socket.get()->*waiting = true;
  socket->stream.async_wait(
      for_writing ? Stream::wait_write : Stream::wait_read,
      [this, alive = std::weak_ptr<bool>{alive_}, socket, waiting, poll, for_writing](boost::system::error_code error) {
        socket.get()->*waiting = false;
        if (error || alive.expired() || (socket->wanted & poll) == 0) return;
        act(socket->fd, for_writing ? CURL_CSELECT_OUT : CURL_CSELECT_IN);
        if (alive.expired() || !socket->stream.is_open()) return;
        if ((socket->wanted & poll) != 0 && !(socket.get()->*waiting)) wait(socket, for_writing);
      });
}

int HttpTransfers::on_timer(CURLM*, long milliseconds, void* self) {
  static_cast<HttpTransfers*>(self)->arm(milliseconds);
  return 0;
}

void HttpTransfers::arm(long milliseconds) {
  if (milliseconds < 0) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::milliseconds{milliseconds});
  timer_.async_wait([this, alive = std::weak_ptr<bool>{alive_}](boost::system::error_code error) {
    if (!error && !alive.expired()) act(CURL_SOCKET_TIMEOUT, 0);
  });
}

void HttpTransfers::act(curl_socket_t fd, int events) {
  int running = 0;
  curl_.multi_socket_action(multi_, fd, events, &running);
  finish_done();
}

void HttpTransfers::finish_done() {
  const std::weak_ptr<bool> alive{alive_};
  int left = 0;
  while (CURLMsg* message = alive.expired() ? nullptr : curl_.multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Transfer* transfer = nullptr;
    curl_.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    HttpResponse response = std::move(transfer->response);
    read_facts(curl_, transfer->easy, code, transfer->request.url.starts_with("https:"), response);
    // Taken for a connection that was there, whatever became of another one that libcurl has tried since.
    if (transfer->body_at > 0) response.sent = true;
    response.untrusted = code == CURLE_PEER_FAILED_VERIFICATION;
    if (code == CURLE_SEND_FAIL_REWIND && response.status == 0) {
      response.error = "the connection was closed before an answer came";
    } else if (transfer->request.url.size() > kLongestUrl) {
      response.error = fmt::format("an address of {} bytes is too long", transfer->request.url.size());
    } else if (code != CURLE_OK && !response.too_long) {
      response.error = transfer->error[0] != '\0' ? transfer->error : curl_.easy_strerror(code);
    }
    explain_tls(curl_, transfer->easy, code, response);
    if (const auto proxy = proxy_for(transfer->request.url, ::getenv))
      tell_proxy(curl_, *transfer, code, *proxy, response);
    const Done done = std::move(transfer->done);
    cancel(transfer->id);
    done(std::move(response));
  }
}

}  // namespace coworker::worker
