#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "coworker/value.h"

namespace coworker::api {

/// Reads the members of a struct that a caller passed; those that nobody asked for are mistakes, as are wrong types.
/// The first mistake is kept.
class Options {
 public:
  explicit Options(Value::Map given) : given_{std::move(given)} {}

  template <class T>
  std::optional<T> take(std::string_view name) {
    const auto found = given_.find(name);
    if (found == given_.end()) return std::nullopt;
    std::optional<T> taken;
    if (T* value = found->second.get<T>()) {
      taken = std::move(*value);
    } else if (!found->second.is_null()) {
      refuse(fmt::format("'{}' is no {}", name, to_string(Value{T{}}.type())));
    }
    given_.erase(found);
    return taken;
  }

  /// In seconds, whole or not.
  std::optional<Millis> take_duration(std::string_view name);

  /// At least 0.
  std::optional<std::uint64_t> take_count(std::string_view name);

  std::vector<std::string> take_texts(std::string_view name);

  /// The value of any type.
  std::optional<Value> take_any(std::string_view name);

  void refuse(std::string text);

  /// invalid_argument when something was wrong or is left.
  Result<> check() const;

 private:
  Value::Map given_;
  std::string trouble_;
};

}  // namespace coworker::api
