#include "journal/open_disk.h"

#include <map>

#include "journal/real_disk.h"
#include "journal/recording_disk.h"
#include "journal/sync_record.h"

namespace coworker::journal {

Result<std::unique_ptr<Disk>> open_disk(const std::string& directory, const std::string& record_file) {
  auto disk = RealDisk::open_directory(directory);
  if (!disk) return tl::unexpected{disk.error()};
  if (record_file.empty()) return std::unique_ptr<Disk>{std::move(*disk)};
  auto recording = RecordingDisk::open(std::move(*disk), record_file);
  if (!recording) return tl::unexpected{recording.error()};
  return std::unique_ptr<Disk>{std::move(*recording)};
}

Result<> power_cut(const std::string& record_file, const std::string& target_directory) {
  std::map<std::string, FileId> names;
  std::map<std::string, FileId> told;
  const auto read = read_record(record_file, [&](const SyncEntry& entry) -> Result<> {
    if (entry.kind == SyncKind::clear) told.clear();
    if (entry.kind == SyncKind::name) told[entry.name] = entry.file;
    if (entry.kind == SyncKind::names) names = told;
    return {};
  });
  if (!read) return tl::unexpected{read.error()};

  auto target = RealDisk::open_directory(target_directory);
  if (!target) return tl::unexpected{target.error()};
  const auto there = (*target)->list();
  if (!there) return tl::unexpected{there.error()};
  if (!there->empty()) return fail(Errc::conflict, "'" + target_directory + "' is not empty");

  std::map<FileId, std::unique_ptr<File>> files;
  for (const auto& [name, id] : names) {
    auto file = (*target)->create(name);
    if (!file) return tl::unexpected{file.error()};
    files[id] = std::move(*file);
  }
  const auto written = read_record(record_file, [&](const SyncEntry& entry) -> Result<> {
    const auto file = files.find(entry.file);
    if (file == files.end()) return {};
    if (entry.kind == SyncKind::bytes) return write_all(*file->second, entry.a, as_bytes(entry.content));
    if (entry.kind == SyncKind::size) return file->second->truncate(entry.a);
    return {};
  });
  if (!written) return tl::unexpected{written.error()};
  return {};
}

}  // namespace coworker::journal
