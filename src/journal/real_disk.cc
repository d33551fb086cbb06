#include "journal/real_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <system_error>

namespace coworker::journal {
namespace {

// One call never moves more, so that its count fits and a signal does not wait long.
constexpr std::size_t kMostPerCall = std::size_t{64} << 20;

template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class RealFile : public File {
 public:
  RealFile(std::string path, Fd fd) : path_{std::move(path)}, fd_{std::move(fd)} {}

  Result<std::size_t> pwrite(std::uint64_t offset, Bytes bytes) override {
    const std::size_t wanted = std::min(bytes.size(), kMostPerCall);
    const ssize_t count =
        retry_interrupted([&] { return ::pwrite(fd_.get(), bytes.data(), wanted, static_cast<off_t>(offset)); });
    if (count < 0) return fail_errno(errno, "write " + path_);
    if (count == 0) return fail_errno(EIO, "write " + path_);
    return static_cast<std::size_t>(count);
  }

  Result<std::size_t> pread(std::uint64_t offset, MutableBytes bytes) override {
    const std::size_t wanted = std::min(bytes.size(), kMostPerCall);
    const ssize_t count =
        retry_interrupted([&] { return ::pread(fd_.get(), bytes.data(), wanted, static_cast<off_t>(offset)); });
    if (count < 0) return fail_errno(errno, "read " + path_);
    return static_cast<std::size_t>(count);
  }

  Result<std::optional<std::size_t>> pread_nowait(std::uint64_t offset, MutableBytes bytes) override {
    const iovec target{bytes.data(), std::min(bytes.size(), kMostPerCall)};
    const ssize_t count =
        retry_interrupted([&] { return ::preadv2(fd_.get(), &target, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
    if (count >= 0) return static_cast<std::size_t>(count);
    // EOPNOTSUPP: this file system cannot tell (some cannot); a thread that may wait reads it then.
    if (errno == EAGAIN || errno == EOPNOTSUPP) return std::optional<std::size_t>{};
    return fail_errno(errno, "read " + path_);
  }

  Result<> data_sync() override {
    if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) != 0) return fail_errno(errno, "sync " + path_);
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return fail_errno(errno, "stat " + path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<> truncate(std::uint64_t bytes) override {
    if (retry_interrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(bytes)); }) != 0) {
      return fail_errno(errno, "truncate " + path_);
    }
    return {};
  }

  Result<> preallocate(std::uint64_t bytes) override {
    if (bytes == 0) return {};
    // Where the file system cannot, glibc writes to every block: slower, as good.
    int error = EINTR;
    while (error == EINTR) error = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(bytes));
    if (error != 0) return fail_errno(error, "allocate " + path_);
    return {};
  }

  bool is_open_elsewhere() override {
    // The kernel grants a lease for writing only while nobody else has the file open. Whoever opened it just then would
    // send us the lease's signal: one that is ignored.
    if (::fcntl(fd_.get(), F_SETSIG, SIGURG) != 0 || ::fcntl(fd_.get(), F_SETLEASE, F_WRLCK) != 0) return true;
    return ::fcntl(fd_.get(), F_SETLEASE, F_UNLCK) != 0;
  }

 private:
  std::string path_;
  Fd fd_;
};

std::string owner_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
  long pid = 0;
  if (count > 0 && std::from_chars(text.data(), text.data() + count, pid).ec == std::errc{} && pid > 0) {
    return "process " + std::to_string(pid);
  }
  return "another process";
}

}  // namespace

Result<std::unique_ptr<RealDisk>> RealDisk::open_directory(const std::string& path) {
  std::error_code error;
  const std::filesystem::path directory{path};
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (error) return fail_errno(error.value(), "make directory for '" + path + "'");
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, "make directory '" + path + "'");
  Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return fail_errno(errno, "open directory '" + path + "'");
  return std::unique_ptr<RealDisk>{new RealDisk{path, std::move(fd)}};
}

Result<std::vector<std::string>> RealDisk::list() {
  // A descriptor of its own: the position in the directory belongs to it.
  const int fd = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "list directory '" + path_ + "'");
  DIR* const stream = ::fdopendir(fd);
  if (stream == nullptr) {
    const int error = errno;
    ::close(fd);
    return fail_errno(error, "list directory '" + path_ + "'");
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return fail_errno(error, "list directory '" + path_ + "'");
  return names;
}

Result<std::unique_ptr<File>> RealDisk::open_file(const std::string& name, int flags) {
  Fd fd{retry_interrupted(
      [&] { return ::openat(directory_.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600); })};
  if (!fd) {
    const int error = errno;
    const std::string attempted = ((flags & O_CREAT) != 0 ? "create " : "open ") + path_of(name);
    if (error == EEXIST) return fail(Errc::conflict, attempted + ": it exists");
    return fail_errno(error, attempted);
  }
  return std::unique_ptr<File>{std::make_unique<RealFile>(path_of(name), std::move(fd))};
}

Result<std::unique_ptr<File>> RealDisk::create(const std::string& name) {
  return open_file(name, O_CREAT | O_EXCL);
}

Result<std::unique_ptr<File>> RealDisk::open(const std::string& name) {
  return open_file(name, 0);
}

Result<> RealDisk::rename(const std::string& from, const std::string& to) {
  if (::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) != 0) {
    return fail_errno(errno, "rename " + path_of(from) + " to '" + to + "'");
  }
  return {};
}

Result<> RealDisk::remove(const std::string& name) {
  if (::unlinkat(directory_.get(), name.c_str(), 0) != 0) return fail_errno(errno, "remove " + path_of(name));
  return {};
}

Result<> RealDisk::sync_dir() {
  if (retry_interrupted([&] { return ::fsync(directory_.get()); }) != 0) {
    return fail_errno(errno, "sync directory '" + path_ + "'");
  }
  return {};
}

Result<> RealDisk::lock() {
  if (lock_) return {};
  Fd fd{::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) return fail_errno(errno, "open " + path_of("lock"));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + path_of("lock"));
    return fail(Errc::conflict, "'" + path_ + "' is in use by " + owner_of(fd.get()));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // A full disk must not keep the owner out: without the pid the message of a second one is less exact.
  if (::ftruncate(fd.get(), 0) == 0) static_cast<void>(::pwrite(fd.get(), pid.data(), pid.size(), 0));
  lock_ = std::move(fd);
  return {};
}

Result<Space> RealDisk::space() {
  struct statvfs status{};
  if (::fstatvfs(directory_.get(), &status) != 0) return fail_errno(errno, "measure '" + path_ + "'");
  const std::uint64_t block = status.f_frsize;
  return Space{.total = status.f_blocks * block, .free = status.f_bavail * block};
}

}  // namespace coworker::journal
