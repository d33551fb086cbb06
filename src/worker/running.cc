#include "worker/running.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "worker/shared_socket.h"

namespace coworker::worker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kLongest = 64 * 1024;  // bytes of a file

/// A folder of one user's running workers. Others may write beside it, so it is only looked into after it was opened
/// and found to be that user's; nothing in it is reached by a path again.
Fd open_folder(const fs::path& runtime, std::optional<uid_t> owner) {
  struct stat status{};
  const Fd outer{::open(runtime.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!outer || ::fstat(outer.get(), &status) != 0 || (owner && status.st_uid != *owner)) return Fd{};
  const uid_t user = status.st_uid;
  Fd inner{::openat(outer.get(), "shared", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!inner || ::fstat(inner.get(), &status) != 0 || status.st_uid != user) return Fd{};
  return inner;
}

std::optional<uid_t> number_of(std::string_view text) {
  uid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// Those whose folders `under` has: each is named for its user.
void add_folders(const char* under, std::string_view prefix, const char* below, std::vector<Fd>& all) {
  std::error_code error;
  for (const fs::directory_entry& each : fs::directory_iterator{under, error}) {
    const std::string name = each.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const auto user = number_of(std::string_view{name}.substr(prefix.size()));
    if (!user) continue;
    if (Fd folder = open_folder(*below == 0 ? each.path() : each.path() / below, user))
      all.push_back(std::move(folder));
  }
}

std::vector<Fd> folders() {
  std::vector<Fd> all;
  const Result<std::string> own = runtime_folder();
  if (own) {
    if (Fd folder = open_folder(*own, ::geteuid())) all.push_back(std::move(folder));
  }
  if (::geteuid() != 0) return all;
  add_folders("/run/user", "", "coworker", all);
  add_folders("/tmp", "coworker-", "", all);
  return all;
}

/// `name` is "PID.json".
std::optional<Running> read_running(const Fd& folder, const std::string& name) {
  const auto pid = number_of(std::string_view{name}.substr(0, name.find('.')));
  if (!pid || !name.ends_with(".json")) return std::nullopt;
  const Fd fd{::openat(folder.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) {
    ::unlinkat(folder.get(), name.c_str(), 0);
    return std::nullopt;
  }
  const Result<std::string> text = read_all(fd.get(), kLongest);
  boost::system::error_code error;
  const json::value value = json::parse(text.value_or(""), error);
  if (error || !value.is_object()) return std::nullopt;
  const auto text_of = [&](const char* key) {
    const json::value* each = value.as_object().if_contains(key);
    return each != nullptr && each->is_string() ? std::string{each->as_string()} : std::string{};
  };
  return Running{static_cast<long>(*pid), text_of("address"), text_of("name")};
}

std::vector<std::string> names_in(const Fd& folder) {
  std::vector<std::string> names;
  // The stream closes what it is given.
  const std::unique_ptr<DIR, int (*)(DIR*)> stream{::fdopendir(::fcntl(folder.get(), F_DUPFD_CLOEXEC, 3)), ::closedir};
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) names.emplace_back(entry->d_name);
  return names;
}

}  // namespace

Result<Fd> enter_running(const std::string& address, const std::string& name) {
  Result<std::string> folder = runtime_folder();
  if (!folder) return tl::unexpected{std::move(folder).error()};
  *folder += "/shared";
  if (::mkdir(folder->c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, fmt::format("make '{}'", *folder));
  const std::string path = fmt::format("{}/{}.json", *folder, ::getpid());
  // Complete and locked before it has its name.
  Fd file{::open(folder->c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  const std::string text = json::serialize(json::object{{"address", address}, {"name", name}}) + "\n";
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail_errno(errno, fmt::format("make '{}'", path));
  }
  ::unlink(path.c_str());
  const std::string link = fmt::format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return fail_errno(errno, fmt::format("make '{}'", path));
  }
  return file;
}

std::vector<Running> running_workers() {
  std::vector<Running> all;
  for (const Fd& folder : folders()) {
    for (const std::string& name : names_in(folder)) {
      if (std::optional<Running> running = read_running(folder, name)) all.push_back(std::move(*running));
    }
  }
  return all;
}

}  // namespace coworker::worker
