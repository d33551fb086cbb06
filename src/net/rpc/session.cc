#include "net/rpc/session.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "api/value_json.h"
#include "net/rpc/json_rpc.h"
#include "net/rpc/php.h"
#include "net/rpc/xml_rpc.h"

namespace coworker::net::rpc {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

constexpr std::size_t kFlushAt = 64 * 1024;
constexpr std::size_t kFreeOfCharge = 64 * 1024;  // bytes of an unfinished request
constexpr std::size_t kKeptOutput = 4 * 1024;
constexpr Millis kGoodbye{1'000};
constexpr unsigned kOk = 200;
constexpr unsigned kNoContent = 204;
constexpr unsigned kUnauthorized = 401;
constexpr unsigned kTooLarge = 413;

bool is_xml_document(std::string_view document) {
  const std::size_t at = document.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && document[at] == '<';
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string envelope(const PhpMap& map) {
  return api::to_base64(php_serialize(map)) + "\r\n";
}

std::string greeting(std::string status) {
  return envelope({{"status", PhpValue{std::move(status)}}, {"version", PhpValue{"1.0"}}});
}

}  // namespace

std::string refusal_text(Dialect dialect, const std::string& why) {
  if (dialect == Dialect::comodojo) return greeting("refused: " + why);
  return json_fault({kTooMany, why}) + "\n";
}

Session::Session(async::Loop& loop, Node& node, Fd socket, Dialect dialect, Caller caller)
    : node_{node},
      socket_{loop, socket.release()},
      dialect_{dialect},
      caller_{std::move(caller)},
      splitter_{dialect == Dialect::comodojo ? node.limits.request / 3 * 4 + 4 : node.limits.request,
                dialect == Dialect::comodojo} {}

Session::~Session() {
  node_.buffered -= charged_;
}

async::Task<> Session::run() {
  if (dialect_ == Dialect::comodojo) output_ = greeting("connected");
  while (open_) {
    co_await carry_out();
    const bool sent = co_await flush();
    if (!sent) break;
    if (caller_.leaving && !finishing_) co_await say_goodbye();
    if (caller_.leaving || finishing_) break;
    co_await receive();
  }
  close();
}

/// All that is complete.
async::Task<> Session::carry_out() {
  while (open_ && !caller_.leaving && !finishing_) {
    std::optional<Request> request = splitter_.next();
    if (!request) break;
    overdue_.reset();
    if (request->is_last) caller_.leaving = true;
    if (dialect_ == Dialect::comodojo && request->http.refusal == 0) {
      co_await answer_envelope(std::move(request->http.document));
    } else {
      co_await answer(std::move(*request));
    }
    if (output_.size() < kFlushAt) continue;
    const bool sent = co_await flush();
    if (!sent) break;
  }
  if (splitter_.wants_continue()) output_ += kHttpContinue;
}

async::Task<> Session::answer(Request request) {
  if (request.framing == Framing::http && !request.http.token.empty()) admit(caller_, request.http.token);
  if (request.framing == Framing::http && request.http.refusal == 0 && !is_admitted(caller_)) {
    request.http.refusal = kUnauthorized;
  }
  if (request.http.refusal != 0) co_return refuse(request);
  std::string document = std::move(request.http.document);
  if (request.framing == Framing::line && is_blank(document)) co_return;
  if (is_xml_document(document)) {
    const std::string text = co_await answer_xml(node_.directory, std::move(document), caller_);
    co_return send_document(request, text, true);
  }
  const std::optional<std::string> text = co_await answer_json(node_.directory, std::move(document), caller_);
  if (text) {
    send_document(request, *text, false);
  } else if (request.framing == Framing::http) {
    output_ += http_response(kNoContent, {}, {}, request.http.keeps_alive && !caller_.leaving);
  }
}

void Session::send_document(const Request& request, const std::string& document, bool is_xml) {
  switch (request.framing) {
    case Framing::line:
      output_ += document;
      output_ += '\n';
      break;
    case Framing::frame:
      for (const unsigned shift : {24u, 16u, 8u, 0u}) output_ += static_cast<char>(document.size() >> shift & 255u);
      output_ += document;
      break;
    case Framing::http:
      output_ += http_response(kOk, is_xml ? "text/xml; charset=utf-8" : "application/json", document,
                               request.http.keeps_alive && !caller_.leaving);
      break;
  }
}

void Session::refuse(const Request& request) {
  const std::string text = request.http.refusal == kTooLarge
                               ? fmt::format("invalid request: more than {} bytes", node_.limits.request)
                               : "the request is refused";
  if (request.framing == Framing::http) {
    output_ += http_response(request.http.refusal, "text/plain", text + "\n", request.http.keeps_alive);
    return;
  }
  if (dialect_ == Dialect::comodojo) return send_envelope(true, xml_response(fault(kInvalidRequest, text)));
  send_document(request, json_fault({kInvalidRequest, text}), false);
}

void Session::send_envelope(bool status, const std::optional<std::string>& message) {
  PhpMap map{{"status", PhpValue{status}}, {"message", PhpValue{nullptr}}};
  if (message) map["message"].data = *message;
  output_ += envelope(map);
}

/// A line each, also for what has no answer: the client waits for one.
async::Task<> Session::answer_envelope(std::string line) {
  if (line.empty()) {
    caller_.leaving = true;
    co_return;
  }
  const std::optional<std::string> bytes = api::from_base64(line);
  std::optional<PhpMap> map = bytes ? php_unserialize(*bytes) : std::nullopt;
  const std::string* type = map && map->contains("content_type") ? map->at("content_type").text() : nullptr;
  const std::string* message = map && map->contains("message") ? map->at("message").text() : nullptr;
  const bool is_json = type != nullptr && *type == "application/json";
  if (type == nullptr || message == nullptr || map->size() != 2) {
    const Fault trouble{kInvalidRequest, "invalid request: not an envelope of content_type and message"};
    co_return send_envelope(true, is_json ? json_fault(trouble) : xml_response(tl::unexpected{trouble}));
  }
  if (!is_json) {
    const std::string text = co_await answer_xml(node_.directory, *message, caller_);
    co_return send_envelope(true, text);
  }
  const std::optional<std::string> text = co_await answer_json(node_.directory, *message, caller_);
  send_envelope(true, text);
}

async::Task<bool> Session::flush() {
  std::size_t sent = 0;
  while (open_ && sent < output_.size()) {
    const ssize_t size =
        ::send(socket_.native_handle(), output_.data() + sent, output_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return false;
    overdue_ = Clock::now() + node_.limits.write_timeout;
    const auto [error] = co_await socket_.async_wait(Descriptor::wait_write, async::as_result);
    overdue_.reset();
    if (error) co_return false;
  }
  output_.clear();
  if (output_.capacity() > kKeptOutput) output_ = std::string{};
  co_return open_;
}

/// Waits for the client, and takes what it says.
async::Task<> Session::receive() {
  if (splitter_.pending() == 0) {
    overdue_.reset();
  } else if (!overdue_) {
    overdue_ = Clock::now() + node_.limits.read_timeout;
  }
  waiting_ = true;
  const auto [error] = co_await socket_.async_wait(Descriptor::wait_read, async::as_result);
  waiting_ = false;
  if (finishing_) co_return;
  if (error) co_return close();
  const std::size_t most = std::min(node_.limits.read_size, node_.input.size());
  const ssize_t size = ::recv(socket_.native_handle(), node_.input.data(), most, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) co_return;
  if (size <= 0) co_return close();
  splitter_.append({node_.input.data(), static_cast<std::size_t>(size)});
  if (!charge()) close();
}

/// Counts what is held against what all connections may hold; false: that is too much.
bool Session::charge() {
  const std::size_t held = splitter_.pending();
  const std::size_t due = held > kFreeOfCharge ? held - kFreeOfCharge : 0;
  node_.buffered += due - charged_;
  charged_ = due;
  return node_.buffered <= node_.limits.all_requests;
}

/// What the client still sends is read for a moment: closing a socket with unread bytes takes the answer away from it.
async::Task<> Session::say_goodbye() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  overdue_ = Clock::now() + kGoodbye;
  while (open_) {
    const auto [error] = co_await socket_.async_wait(Descriptor::wait_read, async::as_result);
    if (error) co_return;
    const ssize_t size = ::recv(socket_.native_handle(), node_.input.data(), node_.input.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) co_return;
  }
}

void Session::finish() {
  finishing_ = true;
  if (waiting_) socket_.cancel();
}

void Session::close() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Session::watch(Clock::time_point now) {
  if (overdue_ && now > *overdue_) close();
}

}  // namespace coworker::net::rpc
