#include "worker/proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <vector>

namespace coworker::worker {
namespace {

namespace ip = boost::asio::ip;

std::string lowered(std::string_view text) {
  std::string out{text};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view without_brackets(std::string_view host) {
  return host.starts_with('[') ? host.substr(1, host.find(']') - 1) : host;
}

std::string host_of(std::string_view url) {
  std::string_view rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  rest = rest.substr(rest.rfind('@') + 1);
  if (rest.starts_with('[')) return lowered(without_brackets(rest));
  rest = rest.substr(0, rest.find(':'));
  if (rest.ends_with('.')) rest.remove_suffix(1);
  return lowered(rest);
}

std::vector<unsigned char> bytes_of(const ip::address& address) {
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    return {bytes.begin(), bytes.end()};
  }
  const auto bytes = address.to_v6().to_bytes();
  return {bytes.begin(), bytes.end()};
}

bool is_in_network(const ip::address& address, std::string_view network) {
  const std::size_t slash = network.find('/');
  boost::system::error_code error;
  const ip::address base = ip::make_address(std::string{without_brackets(network.substr(0, slash))}, error);
  if (error || base.is_v4() != address.is_v4()) return false;
  const std::vector<unsigned char> ours = bytes_of(address);
  const std::vector<unsigned char> theirs = bytes_of(base);
  std::size_t bits = ours.size() * 8;
  if (slash != std::string_view::npos) {
    const std::string_view text = network.substr(slash + 1);
    std::size_t given = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), given);
    if (problem != std::errc{} || end != text.data() + text.size() || given > bits) return false;
    bits = given;
  }
  for (std::size_t bit = 0; bit < bits; ++bit) {
    if (((ours[bit / 8] ^ theirs[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

bool is_named(const std::string& host, std::string_view entry) {
  if (entry == "*") return true;
  boost::system::error_code error;
  const ip::address address = ip::make_address(host, error);
  if (!error) return is_in_network(address, entry);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.ends_with('.')) entry.remove_suffix(1);
  const std::string name = lowered(entry);
  return !name.empty() && (host == name || host.ends_with("." + name));
}

bool is_excepted(const std::string& host, std::string_view list) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", \t"), list.size());
    if (end > 0 && is_named(host, list.substr(0, end))) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

std::string Proxy::shown() const {
  const std::size_t scheme = address.find("://");
  const std::string name = scheme == std::string::npos ? "http" : address.substr(0, scheme);
  // No proxy has an '@' behind its login, which may have any.
  const std::size_t at = address.rfind('@');
  const std::size_t begin = at != std::string::npos ? at + 1 : scheme == std::string::npos ? 0 : scheme + 3;
  return fmt::format("{}://{} ({})", name, std::string_view{address}.substr(begin), variable);
}

std::optional<Proxy> proxy_for(std::string_view url, const Variables& variables) {
  const auto value = [&](const char* name) -> std::string_view {
    const char* text = variables(name);
    return text == nullptr ? std::string_view{} : std::string_view{text};
  };
  std::vector<const char*> names{"all_proxy", "ALL_PROXY"};
  if (url.starts_with("https://")) {
    names.insert(names.begin(), {"https_proxy", "HTTPS_PROXY"});
  } else if (url.starts_with("http://")) {
    names.insert(names.begin(), "http_proxy");
  } else {
    return std::nullopt;
  }
  const auto named = std::find_if(names.begin(), names.end(), [&](const char* name) { return !value(name).empty(); });
  if (named == names.end()) return std::nullopt;
  const std::string_view direct = value("no_proxy").empty() ? value("NO_PROXY") : value("no_proxy");
  if (is_excepted(host_of(url), direct)) return std::nullopt;
  Proxy proxy;
  proxy.address = value(*named);
  proxy.variable = *named;
  proxy.has_login = proxy.address.find('@') != std::string::npos;
  return proxy;
}

}  // namespace coworker::worker
