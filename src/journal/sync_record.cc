#include "journal/sync_record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace coworker::journal {
namespace {

struct Fixed {
  std::uint32_t kind;
  std::uint32_t name_bytes;
  std::uint64_t file;
  std::uint64_t a;
  std::uint64_t content_bytes;
};

/// False at the end of the file.
Result<bool> read_exactly(int fd, void* to, std::size_t bytes, const std::string& path) {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t count = ::read(fd, at, bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "read '" + path + "'");
    if (count == 0) return false;
    at += count;
    bytes -= static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

Result<SyncRecord> SyncRecord::open_for_append(const std::string& path) {
  Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!fd) return fail_errno(errno, "open '" + path + "'");
  return SyncRecord{path, std::move(fd)};
}

Result<> SyncRecord::add(const SyncEntry& entry) {
  const Fixed fixed{.kind = static_cast<std::uint32_t>(entry.kind),
                    .name_bytes = static_cast<std::uint32_t>(entry.name.size()),
                    .file = entry.file,
                    .a = entry.a,
                    .content_bytes = entry.content.size()};
  std::string bytes(sizeof fixed, '\0');
  std::memcpy(bytes.data(), &fixed, sizeof fixed);
  bytes.append(entry.name).append(entry.content);
  const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
  if (count < 0) return fail_errno(errno, "write '" + path_ + "'");
  if (static_cast<std::size_t>(count) != bytes.size()) return fail_errno(ENOSPC, "write '" + path_ + "'");
  return {};
}

Result<std::uint64_t> read_record(const std::string& path, const std::function<Result<>(const SyncEntry&)>& take) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return fail_errno(errno, "open '" + path + "'");
  for (std::uint64_t whole_bytes = 0;;) {
    Fixed fixed{};
    SyncEntry entry;
    auto whole = read_exactly(fd.get(), &fixed, sizeof fixed, path);
    if (!whole) return tl::unexpected{whole.error()};
    if (!*whole) return whole_bytes;
    entry.kind = static_cast<SyncKind>(fixed.kind);
    entry.file = fixed.file;
    entry.a = fixed.a;
    entry.name.resize(fixed.name_bytes);
    entry.content.resize(fixed.content_bytes);
    whole = read_exactly(fd.get(), entry.name.data(), entry.name.size(), path);
    if (whole && *whole) whole = read_exactly(fd.get(), entry.content.data(), entry.content.size(), path);
    if (!whole) return tl::unexpected{whole.error()};
    if (!*whole) return whole_bytes;
    whole_bytes += sizeof fixed + entry.name.size() + entry.content.size();
    if (auto taken = take(entry); !taken) return tl::unexpected{taken.error()};
  }
}

}  // namespace coworker::journal
