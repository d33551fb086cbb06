#include "net/rpc/arguments.h"

#include <fmt/format.h>

#include "api/value_json.h"

namespace coworker::net::rpc {
namespace {

std::optional<Value> convert(const Value& given, Type wanted, bool from_json) {
  if (wanted == Type::any || given.type() == wanted) return given;
  if (wanted == Type::real && given.type() == Type::integer) {
    return Value{static_cast<double>(*given.get<std::int64_t>())};
  }
  const std::string* text = given.get<std::string>();
  if (!from_json || text == nullptr) return std::nullopt;
  if (wanted == Type::binary) {
    if (auto bytes = api::from_base64(*text)) return Value{Binary{std::move(*bytes)}};
  }
  if (wanted == Type::date_time) {
    if (const auto time = api::parse_date_time(*text)) return Value{*time};
  }
  return std::nullopt;
}

const Value* argument(const Arguments& given, const Parameter& parameter, std::size_t at) {
  if (!given.named) return &given.positional[at];
  const auto found = given.named->find(parameter.name);
  return found == given.named->end() ? nullptr : &found->second;
}

}  // namespace

std::optional<Value::Array> fit(const Arguments& given, const Signature& signature) {
  const std::size_t count = given.named ? given.named->size() : given.positional.size();
  if (count != signature.parameters.size()) return std::nullopt;
  Value::Array fitted;
  fitted.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Parameter& parameter = signature.parameters[i];
    const Value* value = argument(given, parameter, i);
    if (value == nullptr) return std::nullopt;
    std::optional<Value> converted = convert(*value, parameter.type, given.from_json);
    if (!converted) return std::nullopt;
    fitted.push_back(std::move(*converted));
  }
  return fitted;
}

std::string types_of(const Arguments& given) {
  std::string text;
  const auto add = [&text](std::string_view part) { text.append(text.empty() ? "" : ", ").append(part); };
  if (given.named) {
    for (const auto& [name, value] : *given.named) add(fmt::format("{}: {}", name, to_string(value.type())));
  } else {
    for (const Value& value : given.positional) add(to_string(value.type()));
  }
  return "(" + text + ")";
}

}  // namespace coworker::net::rpc
