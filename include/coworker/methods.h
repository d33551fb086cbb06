#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "coworker/conversion.h"
#include "coworker/value.h"

namespace coworker {

/// Thrown by a method: the caller gets the code and the text. Every other exception is told as an internal error,
/// without its text.
class MethodFault : public std::exception {
 public:
  /// Codes of your own are best chosen above -32000.
  MethodFault(int code, std::string text) : code_{code}, text_{std::move(text)} {}

  int code() const noexcept { return code_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  int code_;
  std::string text_;
};

struct Parameter {
  std::string name;
  Type type = Type::any;
};

/// One way to call a method.
struct Signature {
  Type result = Type::any;
  std::vector<Parameter> parameters;
};

/// Methods of a program's own, for the callers of its control socket.
///
///     methods.add("examples.echo", "Says it back", {"text"}, [](const std::string& text) { return text; });
///     methods.add("examples.sum", "Adds numbers", {"numbers"}, [](const std::vector<double>& numbers) { … });
///
/// The types of the function are the signature. Callers must pass exactly these: bool, integers (what does not fit is
/// refused), float and double, std::string, Binary, DateTime, std::vector of these, Value::Map, and Value for
/// anything. Calls run on threads, several at the same time; a slow one delays nobody else.
class Methods {
 public:
  struct Form {
    Signature signature;
    std::function<Value(std::vector<Value>)> run;
  };
  struct Method {
    std::string name;
    std::string help;
    std::vector<Form> forms;  // at least one
    bool at_once = false;
  };

  /// Adds a method, or another signature of one that was added here. Requires as many names as the function has
  /// parameters. A second function with the same types replaces nothing: the first one answers.
  template <class Function>
  Methods& add(const std::string& name, std::string help, const std::vector<std::string>& parameters,
               Function function) {
    Method& method = find_or_make(name);
    if (method.help.empty()) method.help = std::move(help);
    method.forms.push_back(form(parameters, std::move(function)));
    return *this;
  }

  /// The same for functions that return at once and never block: they run on the thread that serves all callers, which
  /// spares two changes of threads.
  template <class Function>
  Methods& add_quick(const std::string& name, std::string help, const std::vector<std::string>& parameters,
                     Function function) {
    add(name, std::move(help), parameters, std::move(function));
    find_or_make(name).at_once = true;
    return *this;
  }

  const std::vector<Method>& all() const noexcept { return all_; }

 private:
  Method& find_or_make(const std::string& name) {
    for (Method& each : all_) {
      if (each.name == name) return each;
    }
    all_.push_back(Method{name, {}, {}, false});
    return all_.back();
  }

  template <class Function>
  static Form form(const std::vector<std::string>& names, Function function) {
    using Called = detail::Called<std::decay_t<Function>>;
    return make<typename Called::Result>(names, std::move(function), static_cast<typename Called::Arguments*>(nullptr));
  }

  template <class Result, class Function, class... P>
  static Form make(const std::vector<std::string>& names, Function function, std::tuple<P...>*) {
    Form form;
    form.signature.result = detail::As<std::remove_cvref_t<Result>>::type;
    constexpr Type kTypes[] = {detail::As<P>::type..., Type::any};
    for (std::size_t i = 0; i < sizeof...(P); ++i) {
      form.signature.parameters.push_back({i < names.size() ? names[i] : std::string{}, kTypes[i]});
    }
    form.run = [function = std::move(function)](std::vector<Value> given) mutable {
      return call<Result, P...>(function, given, std::index_sequence_for<P...>{});
    };
    return form;
  }

  template <class Result, class... P, class Function, std::size_t... kAt>
  static Value call(Function& function, [[maybe_unused]] std::vector<Value>& given, std::index_sequence<kAt...>) {
    // Converted first: what the function itself throws is its own.
    std::tuple<P...> arguments{detail::As<P>::from(std::move(given[kAt]))...};
    if constexpr (std::is_void_v<Result>) {
      std::apply(function, std::move(arguments));
      return {};
    } else {
      return detail::to_value(std::apply(function, std::move(arguments)));
    }
  }

  std::vector<Method> all_;
};

}  // namespace coworker
