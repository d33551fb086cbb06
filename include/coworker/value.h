#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coworker {

/// Bytes that are no text.
struct Binary {
  std::string bytes;

  friend bool operator==(const Binary&, const Binary&) = default;
};

/// A date and time without a time zone, as XML-RPC has it; UTC where nothing else was agreed upon.
using DateTime = std::chrono::sys_seconds;

/// What a parameter or a result may be, by the names of XML-RPC.
enum class Type : std::uint8_t {
  integer,    // int
  real,       // double
  boolean,    // boolean
  binary,     // base64
  date_time,  // dateTime.iso8601
  text,       // string
  array,      // array
  map,        // struct
  null,       // null
  any,        // undefined
};

/// "int", "double" …
constexpr std::string_view to_string(Type type) noexcept {
  constexpr std::string_view kNames[] = {"int",    "double", "boolean", "base64", "dateTime.iso8601",
                                         "string", "array",  "struct",  "null",   "undefined"};
  return kNames[static_cast<std::size_t>(type)];
}

/// What is passed in a remote call, in either direction: a JSON value, and beyond it bytes and dates.
class Value {
 public:
  using Array = std::vector<Value>;
  using Map = std::map<std::string, Value, std::less<>>;

  Value() noexcept {}  // null
  Value(std::nullptr_t) {}
  Value(bool value) : data_{value} {}
  Value(int value) : data_{std::int64_t{value}} {}
  Value(std::int64_t value) : data_{value} {}
  Value(std::uint32_t value) : data_{std::int64_t{value}} {}
  /// What is beyond the range of int64 becomes a double.
  Value(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(INT64_MAX)) {
      data_ = static_cast<std::int64_t>(value);
    } else {
      data_ = static_cast<double>(value);
    }
  }
  Value(double value) : data_{value} {}
  Value(std::string value) : data_{std::move(value)} {}
  Value(std::string_view value) : data_{std::string{value}} {}
  Value(const char* value) : data_{std::string{value}} {}
  Value(Binary value) : data_{std::move(value)} {}
  Value(DateTime value) : data_{value} {}
  Value(Array value) : data_{std::move(value)} {}
  Value(Map value) : data_{std::move(value)} {}

  Type type() const noexcept {
    constexpr Type kTypes[] = {Type::null,   Type::boolean,   Type::integer, Type::real, Type::text,
                               Type::binary, Type::date_time, Type::array,   Type::map};
    return kTypes[data_.index()];
  }
  bool is_null() const noexcept { return data_.index() == 0; }

  /// nullptr when it is something else: `value.get<std::string>()`.
  template <class T>
  const T* get() const noexcept {
    return std::get_if<T>(&data_);
  }
  template <class T>
  T* get() noexcept {
    return std::get_if<T>(&data_);
  }

  /// Calls `visitor` with what is held; null as std::nullptr_t.
  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) const {
    return std::visit(std::forward<Visitor>(visitor), data_);
  }

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Binary, DateTime, Array, Map> data_ = nullptr;
};

}  // namespace coworker
