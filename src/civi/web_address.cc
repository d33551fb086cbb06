#include "civi/web_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url.hpp>

#include "worker/address.h"

namespace coworker::civi {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kRoute = "civicrm";
constexpr std::string_view kApi = "civicrm/ajax/api4/{entity}/{action}";

constexpr std::string_view kNoUrlWithUser = "is no URL (in a user's name and password, @ is %40, : %3A, / %2F, # %23)";

tl::unexpected<Error> refuse(std::string_view url, std::string_view why) {
  return fail(Errc::invalid_argument, fmt::format("the address '{}' {}", worker::without_secrets(url), why));
}

/// With other letters than ASCII encoded as browsers do it, and an '@' in a password.
std::string with_encoded(std::string_view text) {
  const auto [begin, length] = worker::userinfo_of(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_at = text[i] == '@' && i >= begin && i < begin + length;
    if (is_at || static_cast<unsigned char>(text[i]) > 127) {
      out += worker::percent_encode(text.substr(i, 1));
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_loopback(urls::url_view url) {
  if (url.host_type() == urls::host_type::ipv4) return url.host_ipv4_address().is_loopback();
  if (url.host_type() == urls::host_type::ipv6) return url.host_ipv6_address().is_loopback();
  return url.host() == "localhost";
}

bool names_route(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  return text == kRoute || text.starts_with("civicrm/");
}

// "/base/civicrm/queue" is "/base/".
std::string site_path(std::string_view path) {
  for (std::size_t at = path.find("/civicrm"); at != std::string_view::npos; at = path.find("/civicrm", at + 1)) {
    const std::string_view rest = path.substr(at + 1);
    if (rest == kRoute || rest.starts_with("civicrm/")) return std::string{path.substr(0, at + 1)};
  }
  std::string own{path};
  if (!own.ends_with('/')) own += '/';
  return own;
}

// The query with the route in it replaced; empty: there is none.
std::string routed_query(urls::url_view url) {
  std::string query;
  bool is_routed = false;
  for (const auto& each : url.encoded_params()) {
    const bool is_route = (each.key == "q" || each.key == "task") && names_route(each.value.decode());
    is_routed = is_routed || is_route;
    if (!query.empty()) query += '&';
    query += each.key;
    if (is_route) {
      query += fmt::format("={}", kApi);
    } else if (each.has_value) {
      query += fmt::format("={}", std::string_view{each.value});
    }
  }
  return is_routed ? query : std::string{};
}

std::string api_of(urls::url_view url) {
  const std::string origin{url.encoded_origin()};
  const std::string_view path = url.encoded_path();
  const std::string routed = routed_query(url);
  if (!routed.empty()) return fmt::format("{}{}?{}", origin, path.empty() ? "/" : path, routed);
  return fmt::format("{}{}{}", origin, site_path(path), kApi);
}

Result<WebCredential> take_credential(urls::url& url) {
  WebCredential credential;
  if (url.has_userinfo()) {
    if (!url.has_password() || url.user().empty()) {
      return fail(Errc::invalid_argument, "names a user without a password (write https://USER:PASSWORD@HOST/…)");
    }
    credential.password = fmt::format("{}:{}", url.user(), url.password());
    url.remove_userinfo();
  }
  // A '+' is one: a token has no spaces, and who pastes one does not encode it.
  const auto parameters = url.params(urls::encoding_opts{false, false, false});
  const auto token = parameters.find("token");
  if (token != parameters.end()) {
    credential.token = (*token).value;
    if (credential.token.empty()) return fail(Errc::invalid_argument, "has an empty token");
    url.params().erase("token");
    if (url.encoded_params().empty()) url.remove_query();
  }
  return credential;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; });
}

// A header of its own making would be what a line break in a secret makes.
Result<WebCredential> checked(WebCredential credential) {
  if (has_control(credential.password) || has_control(credential.token)) {
    return fail(Errc::invalid_argument, "the credential has control characters");
  }
  return credential;
}

}  // namespace

Result<WebAddress> parse_web_address(std::string_view text) {
  if (text.find("://") == std::string_view::npos) return refuse(text, "has no scheme (write https://…)");
  const std::string ascii = with_encoded(text);
  const auto parsed = urls::parse_uri(ascii);
  const bool names_user = worker::userinfo_of(text).second > 0;
  if (!parsed) return refuse(text, names_user ? kNoUrlWithUser : "is no URL");
  urls::url url{*parsed};
  if (names_user != url.has_userinfo()) return refuse(text, kNoUrlWithUser);
  if (url.scheme_id() != urls::scheme::https && url.scheme_id() != urls::scheme::http) {
    return refuse(text, "is neither https nor http");
  }
  if (url.encoded_host().empty()) return refuse(text, "has no host");
  if (url.encoded_host().find('%') != std::string_view::npos) {
    return refuse(text, "has a host of other letters than ASCII (write it as browsers send it: xn--…)");
  }
  url.remove_fragment();
  Result<WebCredential> credential = take_credential(url);
  if (credential) credential = checked(std::move(*credential));
  if (!credential) return refuse(text, credential.error().message());
  WebAddress address;
  address.credential = std::move(*credential);
  address.url = url.buffer();
  address.api = api_of(url);
  address.shown = worker::without_secrets(address.url);
  address.is_clear = url.scheme_id() == urls::scheme::http && !is_loopback(url);
  return address;
}

Result<WebCredential> parse_web_credential(std::string_view text) {
  constexpr std::string_view kBearer = "Bearer ";
  WebCredential credential;
  if (text.starts_with(kBearer)) {
    credential.token = text.substr(kBearer.size());
  } else if (text.find(':') != std::string_view::npos) {
    credential.password = text;
  } else {
    credential.token = text;
  }
  if (credential.empty()) return fail(Errc::invalid_argument, "the credential is empty");
  return checked(std::move(credential));
}

std::vector<std::pair<std::size_t, std::size_t>> secrets_in(std::string_view url) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  const auto [begin, length] = worker::userinfo_of(url);
  if (length > 0) found.emplace_back(begin, length);
  for (std::size_t mark = url.find_first_of("?&", begin + length); mark != std::string_view::npos;
       mark = url.find('&', mark + 1)) {
    constexpr std::string_view kToken = "token=";
    if (!url.substr(mark + 1).starts_with(kToken)) continue;
    const std::size_t value = mark + 1 + kToken.size();
    found.emplace_back(value, std::min(url.find_first_of("&#", value), url.size()) - value);
  }
  return found;
}

std::string action_url(const WebAddress& address, std::string_view entity, std::string_view action) {
  return worker::fill_address(address.api, {{"entity", std::string{entity}}, {"action", std::string{action}}});
}

}  // namespace coworker::civi
