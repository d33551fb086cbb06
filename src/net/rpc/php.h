#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// The envelope of comodojo's client: a map, serialised as PHP does, in base64. Only maps with texts for keys and plain
/// values are read: no objects, no references, nothing within each other.
namespace coworker::net::rpc {

struct PhpValue {
  std::variant<std::nullptr_t, bool, std::int64_t, std::string> data;

  const std::string* text() const { return std::get_if<std::string>(&data); }
};

using PhpMap = std::map<std::string, PhpValue>;

std::optional<PhpMap> php_unserialize(std::string_view bytes);
std::string php_serialize(const PhpMap& map);

}  // namespace coworker::net::rpc
