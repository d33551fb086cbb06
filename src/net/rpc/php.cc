#include "net/rpc/php.h"

#include <fmt/format.h>

#include <charconv>

namespace coworker::net::rpc {
namespace {

/// Takes one thing after the other off the front; the first failure stays.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_{bytes} {}

  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  std::optional<std::int64_t> number(char end) {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    const auto used = static_cast<std::size_t>(stop - rest_.data());
    if (error != std::errc{} || used == rest_.size() || *stop != end) return std::nullopt;
    rest_.remove_prefix(used + 1);
    return value;
  }

  /// After "s:".
  std::optional<std::string> text() {
    const std::optional<std::int64_t> size = number(':');
    if (!size || *size < 0 || rest_.size() < 3 || static_cast<std::uint64_t>(*size) > rest_.size() - 3) {
      return std::nullopt;
    }
    if (!take("\"")) return std::nullopt;
    std::string text{rest_.substr(0, static_cast<std::size_t>(*size))};
    rest_.remove_prefix(text.size());
    if (!take("\";")) return std::nullopt;
    return text;
  }

  std::optional<PhpValue> value() {
    if (take("N;")) return PhpValue{nullptr};
    if (take("b:0;")) return PhpValue{false};
    if (take("b:1;")) return PhpValue{true};
    if (take("i:")) {
      if (const auto held = number(';')) return PhpValue{*held};
      return std::nullopt;
    }
    if (take("s:")) {
      if (auto held = text()) return PhpValue{std::move(*held)};
    }
    return std::nullopt;
  }

  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Write {
  std::string operator()(std::nullptr_t) const { return "N;"; }
  std::string operator()(bool value) const { return value ? "b:1;" : "b:0;"; }
  std::string operator()(std::int64_t value) const { return fmt::format("i:{};", value); }
  std::string operator()(const std::string& value) const { return fmt::format("s:{}:\"{}\";", value.size(), value); }
};

}  // namespace

std::optional<PhpMap> php_unserialize(std::string_view bytes) {
  Reader reader{bytes};
  if (!reader.take("a:")) return std::nullopt;
  const std::optional<std::int64_t> count = reader.number(':');
  if (!count || *count < 0 || !reader.take("{")) return std::nullopt;
  PhpMap map;
  for (std::int64_t i = 0; i < *count; ++i) {
    if (!reader.take("s:")) return std::nullopt;
    std::optional<std::string> key = reader.text();
    if (!key) return std::nullopt;
    std::optional<PhpValue> value = reader.value();
    if (!value) return std::nullopt;
    map.insert_or_assign(std::move(*key), std::move(*value));
  }
  if (!reader.take("}") || !reader.at_end()) return std::nullopt;
  return map;
}

std::string php_serialize(const PhpMap& map) {
  std::string out = fmt::format("a:{}:{{", map.size());
  for (const auto& [key, value] : map) out += Write{}(key) + std::visit(Write{}, value.data);
  return out + "}";
}

}  // namespace coworker::net::rpc
