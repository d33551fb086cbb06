#include "api/options.h"

#include <cmath>

namespace coworker::api {
namespace {

constexpr double kMostSeconds = 3'155'760'000;  // a hundred years

}  // namespace

std::optional<Millis> Options::take_duration(std::string_view name) {
  const std::optional<Value> value = take_any(name);
  if (!value || value->is_null()) return std::nullopt;
  double seconds = -1;
  if (const std::int64_t* whole = value->get<std::int64_t>()) seconds = static_cast<double>(*whole);
  if (const double* part = value->get<double>()) seconds = *part;
  if (!(seconds >= 0) || seconds > kMostSeconds) {
    refuse(fmt::format("'{}' is no number of seconds", name));
    return std::nullopt;
  }
  return Millis{std::llround(seconds * 1000)};
}

std::optional<std::uint64_t> Options::take_count(std::string_view name) {
  const std::optional<std::int64_t> number = take<std::int64_t>(name);
  if (!number) return std::nullopt;
  if (*number < 0) refuse(fmt::format("'{}' is below 0", name));
  return static_cast<std::uint64_t>(*number);
}

std::vector<std::string> Options::take_texts(std::string_view name) {
  std::vector<std::string> texts;
  for (const Value& each : take<Value::Array>(name).value_or(Value::Array{})) {
    const std::string* text = each.get<std::string>();
    if (text == nullptr) {
      refuse(fmt::format("'{}' is no array of strings", name));
      break;
    }
    texts.push_back(*text);
  }
  return texts;
}

std::optional<Value> Options::take_any(std::string_view name) {
  const auto found = given_.find(name);
  if (found == given_.end()) return std::nullopt;
  Value value = std::move(found->second);
  given_.erase(found);
  return value;
}

void Options::refuse(std::string text) {
  if (trouble_.empty()) trouble_ = std::move(text);
}

Result<> Options::check() const {
  if (!trouble_.empty()) return fail(Errc::invalid_argument, trouble_);
  if (!given_.empty()) {
    return fail(Errc::invalid_argument, fmt::format("there is no option '{}'", given_.begin()->first));
  }
  return {};
}

}  // namespace coworker::api
