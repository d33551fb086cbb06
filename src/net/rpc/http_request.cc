#include "net/rpc/http_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace coworker::net::rpc {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMostHead = 16 * 1024;
constexpr unsigned kBadRequest = 400;
constexpr unsigned kForbidden = 403;
constexpr unsigned kMethodNotAllowed = 405;
constexpr unsigned kTooLarge = 413;
constexpr unsigned kUnsupported = 415;
constexpr unsigned kHeadTooLarge = 431;

constexpr std::array<std::string_view, 5> kTypes{"application/json", "application/json-rpc", "application/jsonrequest",
                                                 "text/xml", "application/xml"};

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return out;
}

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

/// A web page in somebody's browser can send requests to addresses of that machine, but not of these types unless it
/// asks before, and never without naming its origin.
unsigned refusal_of(const http::request<http::string_body>& request) {
  if (request.find(http::field::origin) != request.end()) return kForbidden;
  if (request.method() != http::verb::post) return kMethodNotAllowed;
  std::string type = lower(view(request[http::field::content_type]));
  type.erase(std::min(type.find_first_of("; \t"), type.size()));
  return std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end() ? kUnsupported : 0;
}

std::string token_of(const http::request<http::string_body>& request) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view given = view(request[http::field::authorization]);
  if (lower(given.substr(0, kBearer.size())) != kBearer) return {};
  return std::string{given.substr(kBearer.size())};
}

std::string_view reason(unsigned status) {
  const auto text = http::obsolete_reason(http::int_to_status(status));
  return view(text);
}

}  // namespace

struct HttpReader::State {
  http::request_parser<http::string_body> parser;
  unsigned trouble = 0;
  bool told_continue = false;
};

HttpReader::HttpReader(std::size_t most_bytes) : state_{std::make_unique<State>()} {
  state_->parser.eager(true);
  state_->parser.header_limit(kMostHead);
  state_->parser.body_limit(most_bytes);
}

HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader&&) noexcept = default;
HttpReader& HttpReader::operator=(HttpReader&&) noexcept = default;

std::size_t HttpReader::feed(std::string_view bytes) {
  State& state = *state_;
  std::size_t used = 0;
  while (used < bytes.size() && !state.parser.is_done() && state.trouble == 0) {
    boost::beast::error_code error;
    const std::size_t taken = state.parser.put(boost::asio::buffer(bytes.substr(used)), error);
    used += taken;
    if (error == http::error::need_more) break;
    if (error) {
      state.trouble = error == http::error::body_limit     ? kTooLarge
                      : error == http::error::header_limit ? kHeadTooLarge
                                                           : kBadRequest;
    } else if (taken == 0) {
      break;
    }
  }
  return used;
}

std::optional<HttpRequest> HttpReader::take() {
  HttpRequest request;
  if (state_->trouble != 0) {
    request.refusal = state_->trouble;
    return request;
  }
  if (!state_->parser.is_done()) return std::nullopt;
  auto& message = state_->parser.get();
  request.refusal = refusal_of(message);
  request.keeps_alive = message.keep_alive();
  request.token = token_of(message);
  request.document = std::move(message.body());
  return request;
}

bool HttpReader::wants_continue() {
  if (state_->told_continue || state_->trouble != 0 || !state_->parser.is_header_done() || state_->parser.is_done()) {
    return false;
  }
  state_->told_continue = true;
  return lower(view(state_->parser.get()[http::field::expect])) == "100-continue";
}

std::string http_response(unsigned status, std::string_view content_type, std::string_view document, bool keeps_alive) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, reason(status));
  if (!document.empty()) out += fmt::format("Content-Type: {}\r\n", content_type);
  if (status == kMethodNotAllowed) out += "Allow: POST\r\n";
  if (status == 401) out += "WWW-Authenticate: Bearer\r\n";
  if (status != 204) out += fmt::format("Content-Length: {}\r\n", document.size());
  if (!keeps_alive) out += "Connection: close\r\n";
  out += "\r\n";
  out += document;
  return out;
}

}  // namespace coworker::net::rpc
