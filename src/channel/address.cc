#include "channel/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace coworker::channel {
namespace {

constexpr std::size_t kLongestPath = 107;  // of a unix socket, by the kernel

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(Errc::invalid_argument, fmt::format("address '{}': '{}' is no port", whole, text));
  }
  return port;
}

Result<Address> parse_host(Address::Kind kind, std::string_view rest, std::string_view whole,
                           std::uint16_t default_port) {
  Address address{.kind = kind, .path = {}, .host = {}, .port = default_port};
  std::string_view port;
  bool has_port = false;
  if (take(rest, "[")) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) {
      return fail(Errc::invalid_argument, fmt::format("address '{}': the bracket is not closed", whole));
    }
    address.host = rest.substr(0, close);
    rest.remove_prefix(close + 1);
    has_port = take(rest, ":");
    if (!has_port && !rest.empty()) {
      return fail(Errc::invalid_argument, fmt::format("address '{}': ':PORT' must follow the bracket", whole));
    }
    port = rest;
  } else {
    const std::size_t colon = rest.find(':');
    has_port = colon != std::string_view::npos;
    address.host = rest.substr(0, colon);
    if (has_port) port = rest.substr(colon + 1);
    if (port.find(':') != std::string_view::npos) {
      return fail(Errc::invalid_argument, fmt::format("address '{}': write an IPv6 host in brackets", whole));
    }
  }
  if (address.host.empty()) return fail(Errc::invalid_argument, fmt::format("address '{}' names no host", whole));
  if (has_port) {
    Result<std::uint16_t> parsed = parse_port(port, whole);
    if (!parsed) return tl::unexpected{std::move(parsed).error()};
    address.port = *parsed;
  }
  return address;
}

}  // namespace

namespace {

/// 127.0.0.0/8, as a number: a name that only begins like one may be anywhere.
bool is_loopback_v4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace

bool Address::is_local() const {
  return is_unix() || host == "localhost" || host == "::1" || is_loopback_v4(host);
}

bool looks_like_address(std::string_view text) {
  return text.starts_with("unix:") || text.starts_with("tcp:") || text.starts_with("tls:") ||
         text.starts_with("tcp+tls:");
}

Result<Address> parse_address(std::string_view text, std::uint16_t default_port) {
  std::string_view rest = text;
  if (take(rest, "unix:")) {
    take(rest, "//");
    if (rest.empty()) return fail(Errc::invalid_argument, fmt::format("address '{}' names no path", text));
    if (rest.size() > kLongestPath) {
      return fail(Errc::invalid_argument,
                  fmt::format("address '{}': the path of a unix socket has at most {} bytes", text, kLongestPath));
    }
    return Address{.kind = Address::Kind::unix_socket, .path = std::string{rest}, .host = {}, .port = 0};
  }
  if (take(rest, "tcp:")) {
    take(rest, "//");
    return parse_host(Address::Kind::tcp, rest, text, default_port);
  }
  if (take(rest, "tls:") || take(rest, "tcp+tls:")) {
    take(rest, "//");
    return parse_host(Address::Kind::tls, rest, text, default_port);
  }
  return fail(Errc::invalid_argument,
              fmt::format("address '{}': expected unix:PATH, tcp:HOST:PORT or tls:HOST:PORT", text));
}

std::string to_string(const Address& address) {
  if (address.is_unix()) return "unix:" + address.path;
  const bool brackets = address.host.find(':') != std::string::npos;
  return fmt::format("{}:{}{}{}:{}", address.kind == Address::Kind::tls ? "tls" : "tcp", brackets ? "[" : "",
                     address.host, brackets ? "]" : "", address.port);
}

}  // namespace coworker::channel
