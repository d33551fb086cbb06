#include "journal/sync_task.h"

#include "journal/segment_file.h"

namespace coworker::journal {

Result<> SyncTask::run() {
  for (const auto& file : files_) {
    if (auto synced = file->data_sync(); !synced) return synced;
  }
  if (directory_) return disk_->sync_dir();
  return {};
}

}  // namespace coworker::journal
