#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace coworker {
namespace {

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

Result<std::string> read_all(int fd, std::size_t most) {
  std::string content;
  char part[16'384];
  for (;;) {
    const ssize_t got = ::read(fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read");
    if (got == 0) return content;
    content.append(part, static_cast<std::size_t>(got));
    if (content.size() > most) return fail(Errc::invalid_argument, fmt::format("it has more than {} bytes", most));
  }
}

Result<> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(errno, "write");
    content.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<Fd> memory_file(const char* name, std::string_view content) {
  Fd file{::memfd_create(name, MFD_CLOEXEC)};
  if (!file) return fail_errno(errno, fmt::format("make the memory file '{}'", name));
  if (Result<> written = write_all(file.get(), content); !written) {
    return tl::unexpected{std::move(written.error()).wrap(fmt::format("fill the memory file '{}'", name))};
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return fail_errno(errno, fmt::format("rewind '{}'", name));
  return file;
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return fail_errno(errno, fmt::format("read '{}'", path));
  Result<std::string> content = read_all(fd.get(), most);
  if (!content) return tl::unexpected{std::move(content.error()).wrap(fmt::format("'{}'", path))};
  return content;
}

Result<std::string> read_secret(const std::string& path) {
  constexpr std::size_t kMost = 64 * 1024;
  Result<std::string> content = read_file(path, kMost);
  if (!content) return content;
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    log::warning("the file of a secret can be read by others; chmod 600 it", {{"file", path}});
  }
  content->resize(std::min(content->find_first_of("\r\n"), content->size()));
  if (content->empty()) return fail(Errc::invalid_argument, fmt::format("the first line of '{}' is empty", path));
  return content;
}

Result<> replace_file(const std::string& path, std::string_view content, mode_t mode, Sync sync) {
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
  if (Result<> written = write_all(fd.get(), content); !written) {
    ::unlink(fresh.c_str());
    return tl::unexpected{std::move(written.error()).wrap(fmt::format("write '{}'", fresh))};
  }
  if (sync == Sync::yes && ::fsync(fd.get()) != 0) return failed("sync");
  if (::rename(fresh.c_str(), target.c_str()) != 0) return failed("put in place");
  return sync == Sync::yes ? sync_folder_of(target) : Result<>{};
}

}  // namespace coworker
