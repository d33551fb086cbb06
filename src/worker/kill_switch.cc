#include "worker/kill_switch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <filesystem>

#include "base/fd.h"
#include "base/file.h"
#include "channel/address.h"
#include "job/json_text.h"

namespace coworker::worker {
namespace {

bool is_same(std::string_view one, std::string_view other) {
  if (one == other) return true;
  const auto a = channel::parse_address(one);
  const auto b = channel::parse_address(other);
  return a && b && *a == *b;
}

auto place_of(auto& addresses, std::string_view address) {
  return std::find_if(addresses.begin(), addresses.end(),
                      [&](const std::string& each) { return is_same(each, address); });
}

/// What the file held, with the text of members that are not ours.
struct Content {
  Switched switched;
  std::vector<std::pair<std::string, std::string>> others;
};

Result<bool> flag_of(const job::JsonMember& member) {
  if (member.value == "true" || member.value == "false") return member.value == "true";
  return fail(Errc::corrupt, fmt::format("'{}' is neither true nor false", member.key));
}

Result<std::vector<std::string>> addresses_of(const job::JsonMember& member) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(member.value, error);
  std::vector<std::string> addresses;
  if (error || !value.is_array()) return fail(Errc::corrupt, "'addresses' is no list");
  for (const boost::json::value& each : value.as_array()) {
    if (!each.is_string()) return fail(Errc::corrupt, "'addresses' holds something that is no text");
    if (place_of(addresses, each.as_string()) == addresses.end()) addresses.emplace_back(each.as_string());
  }
  return addresses;
}

Result<Content> parse(std::string_view text) {
  Content content;
  if (auto json = job::check_json(text); !json) return fail(Errc::corrupt, json.error().message());
  if (!job::trim_json(text).starts_with('{')) return fail(Errc::corrupt, "it is no JSON object");
  for (const job::JsonMember& member : job::json_members(text)) {
    if (member.key == "global" || member.key == "work") {
      const Result<bool> flag = flag_of(member);
      if (!flag) return tl::unexpected{flag.error()};
      (member.key == "global" ? content.switched.global : content.switched.work) = *flag;
    } else if (member.key == "addresses") {
      Result<std::vector<std::string>> addresses = addresses_of(member);
      if (!addresses) return tl::unexpected{std::move(addresses.error())};
      content.switched.addresses = std::move(*addresses);
    } else {
      content.others.emplace_back(member.key, member.value);
    }
  }
  return content;
}

std::string text_of(const Content& content) {
  const Switched& switched = content.switched;
  std::string text =
      fmt::format("{{\n  \"global\": {},\n  \"work\": {},\n  \"addresses\": [", switched.global, switched.work);
  const char* separator = "";
  for (const std::string& address : switched.addresses) {
    text += std::exchange(separator, ", ") + job::json_string(address);
  }
  text += "]";
  for (const auto& [key, value] : content.others) text += fmt::format(",\n  {}: {}", job::json_string(key), value);
  return text + "\n}\n";
}

Result<Content> read_content(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text && text.error().code() == Errc::not_found) return Content{};
  if (!text) return tl::unexpected{text.error()};
  Result<Content> content = parse(*text);
  if (content) return content;
  return tl::unexpected{std::move(content.error()).wrap(fmt::format("the kill switch '{}' is damaged", path))};
}

}  // namespace

bool Switched::disables(std::string_view address) const {
  return global || place_of(addresses, address) != addresses.end();
}

void Switched::disable(const std::string& address) {
  if (place_of(addresses, address) == addresses.end()) addresses.push_back(address);
}

void Switched::enable(const std::string& address) {
  std::erase_if(addresses, [&](const std::string& each) { return is_same(each, address); });
}

Result<Switched> KillSwitch::read() const {
  Result<Content> content = read_content(path_);
  if (!content) return tl::unexpected{std::move(content.error())};
  return std::move(content->switched);
}

Result<Switched> KillSwitch::edit(const std::function<void(Switched&)>& change) const {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path{path_}.parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  // A file of its own: the switch itself is replaced by each edit.
  const std::string lock_name = path_ + ".lock";
  const Fd lock{::open(lock_name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
  if (!lock) return fail_errno(errno, fmt::format("edit the kill switch: make '{}'", lock_name));
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno(errno, fmt::format("edit the kill switch: lock '{}'", lock_name));
  }
  Result<Content> content = read_content(path_);
  if (!content) return tl::unexpected{std::move(content.error())};
  change(content->switched);
  if (auto replaced = replace_file(path_, text_of(*content)); !replaced) {
    return tl::unexpected{std::move(replaced.error()).wrap("edit the kill switch")};
  }
  return std::move(content->switched);
}

}  // namespace coworker::worker
