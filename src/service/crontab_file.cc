#include "service/crontab_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "base/file.h"

namespace coworker::service {
namespace {

constexpr std::size_t kMostBytes = 16u << 20;

Result<job::TimeZone> decode(const std::string& file) {
  const Result<std::string> bytes = read_file(file, kMostBytes);
  if (!bytes) return tl::unexpected{bytes.error()};
  return job::TimeZone::decode(*bytes);
}

bool is_zone_name(const std::string& name) {
  return name.find("..") == std::string::npos && name.front() != '/' &&
         std::all_of(name.begin(), name.end(), [](char each) {
           return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') ||
                  each == '/' || each == '_' || each == '-' || each == '+';
         });
}

}  // namespace

Result<job::TimeZone> load_zone(const std::string& name) {
  std::string wanted = name;
  if (wanted.empty()) {
    const char* const variable = std::getenv("TZ");
    if (variable != nullptr) wanted = *variable == ':' ? variable + 1 : variable;
    if (variable != nullptr && wanted.empty()) return job::TimeZone{};
  }
  if (wanted.empty()) {
    Result<job::TimeZone> here = decode("/etc/localtime");
    if (!here && here.error().code() == Errc::not_found) return job::TimeZone{};
    return here;
  }
  if (!is_zone_name(wanted)) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is not the name of a time zone (like Europe/Paris)", wanted));
  }
  const char* const folder = std::getenv("TZDIR");
  const std::string root = folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
  Result<job::TimeZone> zone = decode(root + "/" + wanted);
  if (zone) return zone;
  return fail(zone.error().code(),
              fmt::format("there is no time zone '{}' in {}: {}", wanted, root, zone.error().message()));
}

Result<CrontabFile> load_crontab(const std::string& file, const std::string& time_zone) {
  const Result<std::string> text = read_file(file, kMostBytes);
  if (!text) return tl::unexpected{Error{text.error()}.wrap("the crontab")};
  using Zone = Result<std::shared_ptr<const job::TimeZone>>;
  std::map<std::string, Zone> zones;
  const auto zone_named = [&](const std::string& name) -> const Zone& {
    const auto [entry, is_new] = zones.try_emplace(name, nullptr);
    if (!is_new) return entry->second;
    Result<job::TimeZone> loaded = load_zone(name.empty() ? time_zone : name);
    entry->second = loaded ? Zone{std::make_shared<const job::TimeZone>(std::move(*loaded))}
                           : Zone{tl::unexpected{std::move(loaded.error())}};
    return entry->second;
  };
  if (const Zone& usual = zone_named(""); !usual) return tl::unexpected{usual.error()};
  job::Crontab crontab = job::parse_crontab(*text);
  CrontabFile loaded;
  loaded.faults = std::move(crontab.faults);
  for (job::CronRow& row : crontab.rows) {
    const Zone& zone = zone_named(row.zone);
    if (zone) {
      loaded.rows.push_back({std::move(row), *zone});
    } else {
      loaded.faults.push_back({row.line, zone.error().message()});
    }
  }
  std::sort(loaded.faults.begin(), loaded.faults.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return loaded;
}

std::string file_version(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return {};
  return fmt::format("{}:{}:{}:{}.{}", status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

}  // namespace coworker::service
