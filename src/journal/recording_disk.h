#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "journal/disk.h"
#include "journal/real_disk.h"
#include "journal/sync_record.h"

namespace coworker::journal {

/// A real disk that also writes down what was synced, so that `power_cut` can make a directory of that alone.
/// Everything in the directory counts as synced when a record is begun. A record may be continued by the next
/// process, after a kill: what the killed one left unsynced counts only once it is synced.
///
/// Thread safety: as Disk says.
class RecordingDisk : public Disk {
 public:
  static Result<std::unique_ptr<RecordingDisk>> open(std::unique_ptr<RealDisk> disk, const std::string& record_file);

  std::string where() const override { return disk_->where(); }
  Result<std::vector<std::string>> list() override { return disk_->list(); }
  Result<std::unique_ptr<File>> create(const std::string& name) override;
  Result<std::unique_ptr<File>> open(const std::string& name) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& name) override;
  Result<> sync_dir() override;
  Result<> lock() override { return disk_->lock(); }
  Result<Space> space() override { return disk_->space(); }

 private:
  friend class RecordingFile;

  RecordingDisk(std::unique_ptr<RealDisk> disk, SyncRecord record)
      : disk_{std::move(disk)}, record_{std::move(record)} {}

  Result<> begin_record();
  Result<> continue_record(const std::string& record_file);
  Result<> record_names(const std::map<std::string, FileId>& names);
  Result<std::map<std::string, std::uint64_t>> inodes() const;  // of the regular files there are
  Result<FileId> new_file(const std::string& name);

  std::unique_ptr<RealDisk> disk_;
  std::mutex mutex_;  // guards all below
  SyncRecord record_;
  std::map<std::string, FileId> names_;
  FileId last_id_ = 0;
};

}  // namespace coworker::journal
