#include "proc/pid_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/file.h"

namespace coworker::proc {
namespace {

constexpr mode_t kMode = 0644;
constexpr std::size_t kMostBytes = 64;

/// Its content without blanks at the end; more than a process id needs is cut.
std::string content_of(int file) {
  char text[kMostBytes];
  const ssize_t got = ::pread(file, text, sizeof text, 0);
  std::string content{text, got > 0 ? static_cast<std::size_t>(got) : 0};
  content.resize(content.find_last_not_of(" \t\r\n") + 1);
  return content;
}

bool is_pid(const std::string& content) {
  return content.size() < 11 &&
         std::all_of(content.begin(), content.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether the name still leads to what was opened: its former holder may have removed it in between.
bool is_at(const std::string& path, int file) {
  struct stat named{};
  struct stat opened{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
         named.st_dev == opened.st_dev;
}

Result<Fd> open_plain(const std::string& path) {
  Fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, kMode)};
  if (!file) return fail_errno(errno, fmt::format("open the pid file '{}'", path));
  struct stat status{};
  if (::fstat(file.get(), &status) < 0) return fail_errno(errno, fmt::format("look at the pid file '{}'", path));
  if (!S_ISREG(status.st_mode)) return fail(Errc::invalid_argument, fmt::format("the pid file '{}' is no file", path));
  return file;
}

}  // namespace

PidFile::~PidFile() {
  remove();
}

PidFile::PidFile(PidFile&& other) noexcept
    : path_{std::move(other.path_)}, file_{std::move(other.file_)}, writer_{std::exchange(other.writer_, 0)} {}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::move(other.path_);
  file_ = std::move(other.file_);
  writer_ = std::exchange(other.writer_, 0);
  return *this;
}

Result<PidFile> PidFile::take(const std::string& path, Leftover leftover) {
  PidFile taken;
  std::error_code error;
  taken.path_ = std::filesystem::absolute(path, error);
  if (error) return fail_errno(error.value(), fmt::format("find the pid file '{}'", path));
  do {
    Result<Fd> file = open_plain(taken.path_);
    if (!file) return tl::unexpected{std::move(file.error())};
    if (::flock(file->get(), LOCK_EX | LOCK_NB) < 0) {
      if (errno != EWOULDBLOCK) return fail_errno(errno, fmt::format("lock the pid file '{}'", path));
      const std::string holder = content_of(file->get());
      return fail(Errc::conflict, fmt::format("it runs already: the pid file '{}' is held by process {}", path,
                                              holder.empty() || !is_pid(holder) ? "another one" : holder));
    }
    taken.file_ = std::move(*file);
  } while (!is_at(taken.path_, taken.file_.get()));
  if (leftover == Leftover::pid && !is_pid(content_of(taken.file_.get()))) {
    return fail(Errc::invalid_argument,
                fmt::format("'{}' holds something else than a process id; is it meant to be the pid file?", path));
  }
  return taken;
}

Result<> PidFile::write() {
  if (!file_) return {};
  const auto failed = [this] { return fail_errno(errno, fmt::format("write the pid file '{}'", path_)); };
  writer_ = ::getpid();
  // Whatever the umask says, others may see which process it is.
  if (::ftruncate(file_.get(), 0) < 0 || ::fchmod(file_.get(), kMode) < 0) return failed();
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) return failed();
  Result<> written = write_all(file_.get(), fmt::format("{}\n", writer_));
  if (!written) return tl::unexpected{std::move(written.error()).wrap(fmt::format("the pid file '{}'", path_))};
  return {};
}

void PidFile::remove() noexcept {
  if (file_ && writer_ == ::getpid() && is_at(path_, file_.get())) ::unlink(path_.c_str());
  file_.reset();
}

}  // namespace coworker::proc
