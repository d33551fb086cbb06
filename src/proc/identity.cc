#include "proc/identity.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include <array>
#include <charconv>
#include <optional>

namespace coworker::proc {
namespace {

struct User {
  passwd row{};
  std::vector<char> memory = std::vector<char>(16'384);
};

std::optional<unsigned> number_of(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool find_user(const std::string& name, User& user) {
  passwd* found = nullptr;
  ::getpwnam_r(name.c_str(), &user.row, user.memory.data(), user.memory.size(), &found);
  if (found != nullptr) return true;
  const std::optional<unsigned> number = number_of(name);
  if (number) ::getpwuid_r(*number, &user.row, user.memory.data(), user.memory.size(), &found);
  return found != nullptr;
}

std::optional<gid_t> find_group(const std::string& name) {
  group row{};
  std::vector<char> memory(65'536);
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &row, memory.data(), memory.size(), &found);
  if (found != nullptr) return row.gr_gid;
  return number_of(name);
}

std::vector<gid_t> groups_of(const char* user, gid_t own) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgrouplist(user, own, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(user, own, groups.data(), &count);
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

Result<Identity> find_identity(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  Identity identity;
  User user;
  const bool known = find_user(name, user);
  const std::optional<unsigned> number = number_of(name);
  if (!known && !number) return fail(Errc::not_found, fmt::format("there is no user '{}'", name));
  identity.user = known ? user.row.pw_uid : *number;
  identity.group = known ? user.row.pw_gid : *number;
  if (colon != std::string::npos) {
    const std::string named = text.substr(colon + 1);
    const std::optional<gid_t> group = find_group(named);
    if (!group) return fail(Errc::not_found, fmt::format("there is no group '{}'", named));
    identity.group = *group;
  }
  identity.groups = known ? groups_of(user.row.pw_name, identity.group) : std::vector<gid_t>{identity.group};
  return identity;
}

void set_user_variables(std::vector<std::string>& environment, uid_t user) {
  User row;
  passwd* found = nullptr;
  ::getpwuid_r(user, &row.row, row.memory.data(), row.memory.size(), &found);
  if (found == nullptr) return;
  set_variable(environment, "HOME", found->pw_dir);
  set_variable(environment, "USER", found->pw_name);
  set_variable(environment, "LOGNAME", found->pw_name);
}

}  // namespace coworker::proc
