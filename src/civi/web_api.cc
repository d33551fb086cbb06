#include "civi/web_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

#include "worker/address.h"

namespace coworker::civi {
namespace {

namespace json = boost::json;
using worker::HttpResponse;
using Kind = Reply::Kind;

constexpr int kNoises = 16;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr Millis kLongestRest{300'000};

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += at + i <= text.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

bool is_api(const json::object& object) {
  return object.contains("values") || object.contains("error_message");
}

bool is_rpc(const json::object& object) {
  return object.contains("jsonrpc") && (object.contains("result") || object.contains("error"));
}

/// Where the next object may begin.
std::size_t next_object(std::string_view body, std::size_t from) {
  for (std::size_t at = body.find('{', from); at != std::string_view::npos; at = body.find('{', at + 1)) {
    const std::size_t inside = body.find_first_not_of(" \t\r\n", at + 1);
    if (inside != std::string_view::npos && body[inside] == '"') return at;
  }
  return std::string_view::npos;
}

/// The object that is meant, also between what PHP printed.
std::optional<json::object> object_of(std::string_view body, bool (*is_meant)(const json::object&),
                                      std::string& noise) {
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  std::size_t at = 0;
  for (int i = 0; i < kNoises && at != std::string_view::npos; ++i) {
    boost::system::error_code error;
    json::stream_parser parser;
    const std::size_t used = parser.write_some(body.data() + at, body.size() - at, error);
    if (!error && parser.done()) {
      json::value value = parser.release();
      if (value.is_object() && is_meant(value.get_object())) {
        noise = fmt::format("{}\n{}", body.substr(0, at), body.substr(at + used));
        return std::move(value.get_object());
      }
    }
    at = next_object(body, at + 1);
  }
  return std::nullopt;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string{value->as_string()} : json::serialize(*value);
}

std::string who(const WebAddress& address) {
  if (address.credential.empty()) return "no credential was given (coworker run --help says how)";
  return "the site must accept it for APIv4 over HTTP (AuthX: authx_xheader_cred), and its contact needs the "
         "permission "
         "'administer queues'";
}

Reply refused_credential(long status, const std::string& says, const WebAddress& address) {
  const std::string_view what = status == 401 ? "the credential is not accepted" : "not permitted";
  return Reply::failed(
      Kind::unsent, Errc::denied,
      fmt::format("{} (status {}{}{}): {}", what, status, says.empty() ? "" : ": ", says, who(address)));
}

Reply api_failure(const HttpResponse& response, const json::object& object, const WebAddress& address) {
  const std::string says = worker::beginning_of(text_of(object, "error_message"));
  if (response.status == 401 || response.status == 403) return refused_credential(response.status, says, address);
  const std::string code = text_of(object, "error_code");
  return Reply::failed(Kind::refused, response.status == 404 ? Errc::not_found : Errc::invalid_argument,
                       code.empty() || code == "0" ? says : fmt::format("{} ({})", says, code));
}

std::string_view hint_of(long status) {
  switch (status) {
    case 404:
      return ": no CiviCRM answers there, or one before 5.47";
    case 502:
      return ": the web server has lost PHP";
    case 503:
      return ": the site is overloaded or in maintenance";
    case 504:
      return ": the web server does not wait that long for PHP";
    default:
      return {};
  }
}

std::string by_way_of(const HttpResponse& response) {
  return response.proxy.empty() ? std::string{} : fmt::format(" (by way of the proxy {})", response.proxy);
}

std::string rest_of(const HttpResponse& response) {
  const Millis asked = asked_pause(response);
  if (asked == Millis{0}) return {};
  return fmt::format("; it asks to be left alone for {} s", std::chrono::ceil<Seconds>(*response.retry_after).count());
}

Reply without_object(const HttpResponse& response, const WebAddress& address) {
  const std::string says = worker::beginning_of(response.body);
  if (response.status == 401 || response.status == 403) return refused_credential(response.status, says, address);
  if (response.status >= 300 && response.status < 400) {
    return Reply::failed(Kind::unsent, Errc::invalid_argument,
                         fmt::format("the site sends us on to {} (status {}): give its final address",
                                     worker::without_secrets(response.location), response.status));
  }
  const bool is_refused = response.status >= 400 && response.status < 500 && response.status != 408;
  if (response.status >= 400) {
    return Reply::failed(is_refused ? Kind::unsent : Kind::lost, Errc::unavailable,
                         fmt::format("status {}{}{}{}{}{}", response.status, hint_of(response.status),
                                     says.empty() ? "" : ": ", says, by_way_of(response), rest_of(response)));
  }
  return Reply::failed(Kind::lost, Errc::corrupt,
                       fmt::format("the answer is not the API's (status {}, {}): {}", response.status,
                                   response.content_type.empty() ? "no type" : response.content_type,
                                   says.empty() ? "it is empty" : says));
}

/// What stands for an answer where there is none to look into.
std::optional<Reply> without_answer(const HttpResponse& response) {
  if (response.too_long) return Reply::failed(Kind::lost, Errc::resource_exhausted, "the answer is too long");
  if (response.untrusted) {
    const char* mend = response.outdated ? "" : " (webAuthorities names a PEM file of authorities to trust)";
    return Reply::failed(Kind::unsent, Errc::denied, response.error + mend);
  }
  const Kind without = response.sent ? Kind::lost : Kind::unsent;
  if (response.in_vain) return Reply::failed(without, Errc::denied, response.error);
  if (response.error.empty()) return std::nullopt;
  return Reply::failed(without, Errc::unavailable, response.error);
}

worker::HttpRequest post(std::string url, std::string type, std::string body) {
  worker::HttpRequest request;
  request.url = std::move(url);
  request.method = "POST";
  request.has_body = true;
  request.body = std::move(body);
  request.headers["Content-Type"] = std::move(type);
  request.headers["Accept"] = "application/json";
  return request;
}

}  // namespace

worker::HttpRequest api_request(const WebAddress& address, std::string_view entity, std::string_view action,
                                const json::object& params) {
  worker::HttpRequest request = post(action_url(address, entity, action), "application/x-www-form-urlencoded",
                                     "params=" + worker::percent_encode(json::serialize(params)));
  request.headers["X-Requested-With"] = "XMLHttpRequest";
  // A password may be asked for by the web server as well as by the site.
  const WebCredential& credential = address.credential;
  if (!credential.password.empty()) {
    request.headers["Authorization"] = "Basic " + base64(credential.password);
    request.headers["X-Civi-Auth"] = request.headers["Authorization"];
  }
  if (!credential.token.empty()) request.headers["X-Civi-Auth"] = "Bearer " + credential.token;
  return request;
}

worker::HttpRequest rpc_request(const WebAddress& address, std::uint64_t id, std::string_view method,
                                json::array params) {
  const json::object call{{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}, {"id", id}};
  worker::HttpRequest request = post(address.url, "application/json", json::serialize(call));
  const WebCredential& credential = address.credential;
  if (!credential.token.empty()) {
    request.headers["Authorization"] = "Bearer " + credential.token;
  } else if (!credential.password.empty()) {
    request.headers["Authorization"] = "Basic " + base64(credential.password);
  }
  return request;
}

WebAnswer api_answer(const HttpResponse& response, const WebAddress& address) {
  if (std::optional<Reply> none = without_answer(response)) return WebAnswer{std::move(*none)};
  std::string noise;
  std::optional<json::object> object = object_of(response.body, &is_api, noise);
  if (!object) return WebAnswer{without_object(response, address), response.status};
  json::value* values = object->if_contains("values");
  const bool is_ok = response.status >= 200 && response.status < 300;
  if (is_ok && values != nullptr && !object->contains("error_message")) {
    return WebAnswer{Reply::answered(std::move(*values)), response.status, true, std::move(noise)};
  }
  return WebAnswer{api_failure(response, *object, address), response.status, true, std::move(noise)};
}

WebAnswer rpc_answer(const HttpResponse& response, const WebAddress& address, std::uint64_t id) {
  if (std::optional<Reply> none = without_answer(response)) return WebAnswer{std::move(*none)};
  std::string noise;
  std::optional<json::object> object = object_of(response.body, &is_rpc, noise);
  if (!object || response.status >= 300) return WebAnswer{without_object(response, address), response.status};
  const json::value* own = object->if_contains("id");
  if (own == nullptr || !(*own == json::value(id))) {
    return WebAnswer{Reply::failed(Kind::lost, Errc::corrupt, "the answer is to another request"), response.status,
                     true};
  }
  if (json::value* result = object->if_contains("result")) {
    return WebAnswer{Reply::answered(std::move(*result)), response.status, true, std::move(noise)};
  }
  const json::object* error = object->at("error").if_object();
  const std::string says = worker::beginning_of(error == nullptr ? std::string{} : text_of(*error, "message"));
  const bool is_denied = says.find("Authorization failed") != std::string::npos;
  if (is_denied) return WebAnswer{refused_credential(403, says, address), response.status, true, std::move(noise)};
  return WebAnswer{Reply::failed(Kind::refused, Errc::invalid_argument, says), response.status, true, std::move(noise)};
}

bool may_repeat(const HttpResponse& response, const Reply& reply, bool reads) {
  if (response.status == 429) return true;
  const bool is_open = reply.kind == Kind::unsent || reply.kind == Kind::lost;
  if (!is_open || reply.code != Errc::unavailable) return false;
  if (!response.sent) return true;
  return reads && (!response.error.empty() || response.status >= 500 || response.status == 408);
}

Millis asked_pause(const HttpResponse& response) {
  if (response.status != 429 && response.status != 503) return Millis{0};
  return std::clamp(response.retry_after.value_or(Millis{0}), Millis{0}, kLongestRest);
}

bool only_reads(std::string_view action) {
  return action.starts_with("get");
}

}  // namespace coworker::civi
