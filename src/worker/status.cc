#include "worker/status.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cmath>
#include <ctime>
#include <fstream>

#include "job/json_text.h"

namespace coworker {
namespace {

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The time since boot when this process was started.
double start_of_process() {
  std::ifstream file{"/proc/self/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  // The second field is the program's name in parentheses, which may hold anything; the start is the 22nd.
  std::size_t at = text.rfind(')');
  for (int field = 2; at != std::string::npos && field < 22; ++field) at = text.find(' ', at + 1);
  if (at == std::string::npos) return seconds_of(CLOCK_BOOTTIME);
  return std::strtod(text.c_str() + at, nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Counter wall_time_counter() {
  static const double start = start_of_process();
  return {"sys_wall_execution_time", std::max(0.0, seconds_of(CLOCK_BOOTTIME) - start), "s", 0};
}

Counter cpu_time_counter() {
  return {"sys_cpu_time", seconds_of(CLOCK_PROCESS_CPUTIME_ID), "s", 0};
}

Counter memory_counter() {
  Counter counter{"sys_memory_usage", std::nullopt, "B", 0};
  std::ifstream file{"/proc/self/statm"};
  double size = 0;
  if (double resident = 0; file >> size >> resident) {
    counter.value = resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    counter.max = static_cast<double>(limit.rlim_cur);
  }
  return counter;
}

}  // namespace coworker

namespace coworker::worker {
namespace {

namespace json = boost::json;

std::string number_or_null(const std::optional<double>& number) {
  return number && std::isfinite(*number) ? fmt::format("{}", *number) : "null";
}

std::string text_or_null(const std::string& text) {
  return text.empty() ? "null" : job::json_string(text);
}

std::optional<double> number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->as_string()} : std::string{};
}

}  // namespace

std::string to_json(const Status& status) {
  std::string text =
      fmt::format("{{\"textStatus\":{},\"counters\":[", status.text ? job::json_string(*status.text) : "null");
  const char* separator = "";
  for (const Counter& counter : status.counters) {
    text += fmt::format("{}{{\"name\":{},\"value\":{},\"unit\":{},\"min\":{},\"max\":{}}}",
                        std::exchange(separator, ","), text_or_null(counter.name), number_or_null(counter.value),
                        text_or_null(counter.unit), number_or_null(counter.min), number_or_null(counter.max));
  }
  return text + "]}";
}

Result<Status> parse_status(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return fail(Errc::invalid_argument, "a status is a JSON object");
  const json::object& object = value.as_object();
  Status status;
  if (const json::value* line = object.if_contains("textStatus"); line != nullptr && line->is_string()) {
    status.text = std::string{line->as_string()};
  }
  const json::value* counters = object.if_contains("counters");
  if (counters == nullptr || counters->is_null()) return status;
  if (!counters->is_array()) return fail(Errc::invalid_argument, "the counters of a status are a list");
  for (const json::value& each : counters->as_array()) {
    if (!each.is_object()) return fail(Errc::invalid_argument, "a counter is a JSON object");
    const json::object& counter = each.as_object();
    status.counters.push_back(Counter{text_of(counter, "name"), number_of(counter, "value"), text_of(counter, "unit"),
                                      number_of(counter, "min"), number_of(counter, "max")});
  }
  return status;
}

}  // namespace coworker::worker
