#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "coworker/value.h"

/// How C++ types travel as values, for methods.h.
namespace coworker {

/// Thrown where an element of an array or struct is not what the method's types want.
class WrongArgument : public std::exception {};

namespace detail {

/// How a C++ type travels.
template <class T>
struct As;

template <class T, Type kOf>
struct Plain {
  static constexpr Type type = kOf;
  static T from(Value value) {
    T* held = value.get<T>();
    if (held == nullptr) throw WrongArgument{};
    return std::move(*held);
  }
};

template <>
struct As<bool> : Plain<bool, Type::boolean> {};
template <>
struct As<std::string> : Plain<std::string, Type::text> {};
template <>
struct As<Binary> : Plain<Binary, Type::binary> {};
template <>
struct As<DateTime> : Plain<DateTime, Type::date_time> {};
template <>
struct As<Value::Map> : Plain<Value::Map, Type::map> {};
template <>
struct As<std::nullptr_t> : Plain<std::nullptr_t, Type::null> {};
/// For results only.
template <>
struct As<const char*> {
  static constexpr Type type = Type::text;
};
template <>
struct As<void> {
  static constexpr Type type = Type::null;
};
template <>
struct As<Value> {
  static constexpr Type type = Type::any;
  static Value from(Value value) { return value; }
};
template <std::integral T>
struct As<T> {
  static constexpr Type type = Type::integer;
  static T from(const Value& value) {
    const std::int64_t* held = value.get<std::int64_t>();
    if (held == nullptr || !std::in_range<T>(*held)) throw WrongArgument{};
    return static_cast<T>(*held);
  }
};
template <std::floating_point T>
struct As<T> {
  static constexpr Type type = Type::real;
  static T from(const Value& value) {
    if (const std::int64_t* whole = value.get<std::int64_t>()) return static_cast<T>(*whole);
    const double* held = value.get<double>();
    if (held == nullptr) throw WrongArgument{};
    return static_cast<T>(*held);
  }
};
template <class T>
struct As<std::vector<T>> {
  static constexpr Type type = Type::array;
  static std::vector<T> from(Value value) {
    Value::Array* held = value.get<Value::Array>();
    if (held == nullptr) throw WrongArgument{};
    if constexpr (std::is_same_v<T, Value>) {
      return std::move(*held);
    } else {
      std::vector<T> all;
      for (Value& each : *held) all.push_back(As<T>::from(std::move(each)));
      return all;
    }
  }
};

template <class T>
Value to_value(T&& result) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::is_constructible_v<Value, T&&> && !std::integral<Plain>) {
    return Value{std::forward<T>(result)};
  } else if constexpr (std::is_same_v<Plain, bool>) {
    return Value{result};
  } else if constexpr (std::unsigned_integral<Plain>) {
    return Value{static_cast<std::uint64_t>(result)};
  } else if constexpr (std::integral<Plain>) {
    return Value{static_cast<std::int64_t>(result)};
  } else {
    Value::Array all;
    for (auto& each : result) all.push_back(to_value(each));
    return Value{std::move(all)};
  }
}

template <class F>
struct Called : Called<decltype(&F::operator())> {};
template <class R, class... P>
struct Called<R (*)(P...)> {
  using Result = R;
  using Arguments = std::tuple<std::remove_cvref_t<P>...>;
};
template <class C, class R, class... P>
struct Called<R (C::*)(P...)> : Called<R (*)(P...)> {};
template <class C, class R, class... P>
struct Called<R (C::*)(P...) const> : Called<R (*)(P...)> {};

}  // namespace detail

}  // namespace coworker
