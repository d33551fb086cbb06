#include "journal/disk.h"

namespace coworker::journal {

Result<> write_all(File& file, std::uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const auto written = file.pwrite(offset, bytes);
    if (!written) return tl::unexpected{written.error()};
    offset += *written;
    bytes = bytes.subspan(*written);
  }
  return {};
}

Result<std::size_t> read_up_to(File& file, std::uint64_t offset, MutableBytes bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = file.pread(offset + done, bytes.subspan(done));
    if (!count) return tl::unexpected{count.error()};
    if (*count == 0) break;
    done += *count;
  }
  return done;
}

Result<std::string> read_small(Disk& disk, const std::string& name) {
  auto file = disk.open(name);
  if (!file) return tl::unexpected{file.error()};
  const auto size = (*file)->size();
  if (!size) return tl::unexpected{size.error()};
  std::string content(static_cast<std::size_t>(*size), '\0');
  const auto count = read_up_to(**file, 0, std::as_writable_bytes(std::span{content}));
  if (!count) return tl::unexpected{count.error()};
  content.resize(*count);
  return content;
}

Result<> replace_small(Disk& disk, const std::string& name, Bytes content) {
  const std::string temporary = name + ".tmp";
  if (auto removed = disk.remove(temporary); !removed && removed.error().code() != Errc::not_found) return removed;
  {
    auto file = disk.create(temporary);
    if (!file) return tl::unexpected{file.error()};
    if (auto written = write_all(**file, 0, content); !written) return written;
    if (auto synced = (*file)->data_sync(); !synced) return synced;
  }
  if (auto renamed = disk.rename(temporary, name); !renamed) return renamed;
  return disk.sync_dir();
}

}  // namespace coworker::journal
