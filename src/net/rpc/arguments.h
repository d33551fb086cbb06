#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coworker/methods.h"
#include "coworker/value.h"

namespace coworker::net::rpc {

/// What a caller passed, before it is held against a signature.
struct Arguments {
  Value::Array positional;
  std::optional<Value::Map> named;  // instead of positional
  bool from_json = false;           // bytes and dates are texts there
};

/// The arguments as the signature wants them: as many, of its types, named ones in its order. Integers do for a double.
/// nullopt: they are not for it.
std::optional<Value::Array> fit(const Arguments& given, const Signature& signature);

/// "int", or "array of (string, int)": what was given, for messages.
std::string types_of(const Arguments& given);

}  // namespace coworker::net::rpc
