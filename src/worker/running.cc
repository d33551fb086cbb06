#include "worker/running.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "worker/shared_socket.h"

namespace coworker::worker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::vector<fs::path> folders() {
  std::vector<fs::path> all;
  if (const Result<std::string> own = runtime_folder()) all.emplace_back(*own + "/shared");
  if (::geteuid() != 0) return all;
  std::error_code error;
  for (const fs::directory_entry& each : fs::directory_iterator{"/run/user", error}) {
    all.push_back(each.path() / "coworker/shared");
  }
  for (const fs::directory_entry& each : fs::directory_iterator{"/tmp", error}) {
    if (each.path().filename().string().starts_with("coworker-")) all.push_back(each.path() / "shared");
  }
  return all;
}

std::optional<Running> read_running(const fs::path& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) return std::nullopt;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) {
    ::unlink(path.c_str());
    return std::nullopt;
  }
  const Result<std::string> text = read_file(path.string(), 64 * 1024);
  boost::system::error_code error;
  const json::value value = json::parse(text.value_or(""), error);
  if (error || !value.is_object()) return std::nullopt;
  const auto text_of = [&](const char* key) {
    const json::value* each = value.as_object().if_contains(key);
    return each != nullptr && each->is_string() ? std::string{each->as_string()} : std::string{};
  };
  return Running{std::strtol(path.stem().c_str(), nullptr, 10), text_of("address"), text_of("name")};
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
  std::error_code error;
  for (const fs::path& folder : folders()) {
    for (const fs::directory_entry& each : fs::directory_iterator{folder, error}) {
      if (std::optional<Running> running = read_running(each.path())) all.push_back(std::move(*running));
    }
  }
  return all;
}

}  // namespace coworker::worker
