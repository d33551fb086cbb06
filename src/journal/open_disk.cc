#include "journal/open_disk.h"

#include "journal/real_disk.h"

namespace coworker::journal {

Result<std::unique_ptr<Disk>> open_disk(const std::string& directory, const std::string& record_file) {
  if (!record_file.empty()) return fail(Errc::invalid_argument, "recording syncs to '" + record_file + "'");
  auto disk = RealDisk::open_directory(directory);
  if (!disk) return tl::unexpected{disk.error()};
  return std::unique_ptr<Disk>{std::move(*disk)};
}

}  // namespace coworker::journal
