#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/fd.h"

namespace coworker {
namespace {

Result<> write_whole(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(errno, "write");
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno(errno, fmt::format("sync the folder '{}'", folder));
  return {};
}

/// What a symbolic link leads to, so that the link itself is not replaced.
std::string target_of(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string target{resolved};
  std::free(resolved);
  return target;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return fail_errno(errno, fmt::format("read '{}'", path));
  std::string content;
  char part[16'384];
  for (;;) {
    const ssize_t got = ::read(fd.get(), part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read '{}'", path));
    if (got == 0) return content;
    content.append(part, static_cast<std::size_t>(got));
    if (content.size() > most) {
      return fail(Errc::invalid_argument, fmt::format("'{}' has more than {} bytes", path, most));
    }
  }
}

Result<> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  const std::string target = target_of(path);
  struct stat status{};
  const bool is_there = ::stat(target.c_str(), &status) == 0;
  const std::string fresh = target + ".new";
  const auto failed = [&](std::string_view what) {
    const int error = errno;
    ::unlink(fresh.c_str());
    return fail_errno(error, fmt::format("{} '{}'", what, fresh));
  };
  Fd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
  if (!fd) return fail_errno(errno, fmt::format("make '{}'", fresh));
  if (is_there && ::fchmod(fd.get(), status.st_mode & 07777) != 0) return failed("set the mode of");
  if (Result<> written = write_whole(fd.get(), content); !written) {
    ::unlink(fresh.c_str());
    return tl::unexpected{std::move(written.error()).wrap(fmt::format("write '{}'", fresh))};
  }
  if (::fsync(fd.get()) != 0) return failed("sync");
  if (::rename(fresh.c_str(), target.c_str()) != 0) return failed("put in place");
  return sync_folder_of(target);
}

}  // namespace coworker
