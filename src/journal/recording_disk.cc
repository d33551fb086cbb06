#include "journal/recording_disk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "journal/open_disk.h"

namespace coworker::journal {

/// Remembers what was written since the last sync, and at the next one records it.
class RecordingFile : public File {
 public:
  RecordingFile(RecordingDisk& disk, std::unique_ptr<File> file, FileId id, std::uint64_t unknown_bytes)
      : disk_{disk}, file_{std::move(file)}, id_{id} {
    if (unknown_bytes > 0) ranges_.push_back({0, unknown_bytes});
  }

  Result<std::size_t> pwrite(std::uint64_t offset, Bytes bytes) override {
    auto count = file_->pwrite(offset, bytes);
    if (!count) return count;
    const std::lock_guard lock{mutex_};
    if (!ranges_.empty() && ranges_.back().end == offset) {
      ranges_.back().end += *count;
    } else {
      ranges_.push_back({offset, offset + *count});
    }
    return count;
  }

  Result<std::size_t> pread(std::uint64_t offset, MutableBytes bytes) override { return file_->pread(offset, bytes); }
  Result<std::optional<std::size_t>> pread_nowait(std::uint64_t offset, MutableBytes bytes) override {
    return file_->pread_nowait(offset, bytes);
  }
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<> preallocate(std::uint64_t bytes) override { return file_->preallocate(bytes); }
  bool is_open_elsewhere() override { return file_->is_open_elsewhere(); }

  Result<> truncate(std::uint64_t bytes) override {
    auto done = file_->truncate(bytes);
    if (!done) return done;
    const std::lock_guard lock{mutex_};
    least_size_ = std::min(least_size_, bytes);
    return done;
  }

  Result<> data_sync() override {
    std::vector<SyncEntry> entries;
    if (auto collected = collect(entries); !collected) return collected;
    if (auto synced = file_->data_sync(); !synced) return synced;
    const std::lock_guard lock{disk_.mutex_};
    for (const SyncEntry& entry : entries) {
      if (auto added = disk_.record_.add(entry); !added) return added;
    }
    return {};
  }

 private:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  /// What the sync that follows is going to cover, as it is now.
  Result<> collect(std::vector<SyncEntry>& entries) {
    const std::lock_guard lock{mutex_};
    const auto size = file_->size();
    if (!size) return tl::unexpected{size.error()};
    if (least_size_ < *size) entries.push_back(sized(least_size_));
    for (const Range& range : ranges_) {
      SyncEntry entry{.kind = SyncKind::bytes, .file = id_, .a = range.begin, .name = {}, .content = {}};
      if (range.begin >= *size) continue;
      entry.content.resize(static_cast<std::size_t>(std::min(range.end, *size) - range.begin));
      const auto count = read_up_to(*file_, range.begin, std::as_writable_bytes(std::span{entry.content}));
      if (!count) return tl::unexpected{count.error()};
      entry.content.resize(*count);
      entries.push_back(std::move(entry));
    }
    entries.push_back(sized(*size));
    ranges_.clear();
    least_size_ = ~std::uint64_t{0};
    return {};
  }

  SyncEntry sized(std::uint64_t bytes) const {
    return {.kind = SyncKind::size, .file = id_, .a = bytes, .name = {}, .content = {}};
  }

  RecordingDisk& disk_;
  std::unique_ptr<File> file_;
  FileId id_;
  std::mutex mutex_;  // guards the rest
  std::vector<Range> ranges_;
  std::uint64_t least_size_ = ~std::uint64_t{0};
};

Result<std::unique_ptr<RecordingDisk>> RecordingDisk::open(std::unique_ptr<RealDisk> disk,
                                                           const std::string& record_file) {
  struct stat status{};
  const bool continues = ::stat(record_file.c_str(), &status) == 0 && status.st_size > 0;
  auto record = SyncRecord::open_for_append(record_file);
  if (!record) return tl::unexpected{record.error()};
  std::unique_ptr<RecordingDisk> recording{new RecordingDisk{std::move(disk), std::move(*record)}};
  const auto begun = continues ? recording->continue_record(record_file) : recording->begin_record();
  if (!begun) return tl::unexpected{begun.error()};
  return recording;
}

Result<std::map<std::string, std::uint64_t>> RecordingDisk::inodes() const {
  const auto names = disk_->list();
  if (!names) return tl::unexpected{names.error()};
  std::map<std::string, std::uint64_t> found;
  for (const std::string& name : *names) {
    struct stat status{};
    if (::lstat((disk_->where() + "/" + name).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (name != "lock") found[name] = status.st_ino;
  }
  return found;
}

Result<FileId> RecordingDisk::new_file(const std::string& name) {
  struct stat status{};
  const std::string path = disk_->where() + "/" + name;
  if (::lstat(path.c_str(), &status) != 0) return fail_errno(errno, "stat '" + path + "'");
  const FileId id = ++last_id_;
  auto added = record_.add({.kind = SyncKind::file, .file = id, .a = status.st_ino, .name = {}, .content = {}});
  if (!added) return tl::unexpected{added.error()};
  return id;
}

Result<> RecordingDisk::begin_record() {
  const auto files = inodes();
  if (!files) return tl::unexpected{files.error()};
  for (const auto& [name, inode] : *files) {
    const auto id = new_file(name);
    if (!id) return tl::unexpected{id.error()};
    auto content = read_small(*disk_, name);
    if (!content) return tl::unexpected{content.error()};
    const std::uint64_t size = content->size();
    SyncEntry bytes{.kind = SyncKind::bytes, .file = *id, .a = 0, .name = {}, .content = std::move(*content)};
    if (auto added = record_.add(bytes); !added) return added;
    if (auto added = record_.add({.kind = SyncKind::size, .file = *id, .a = size, .name = {}, .content = {}}); !added) {
      return added;
    }
    names_[name] = *id;
  }
  return record_names(names_);
}

Result<> RecordingDisk::continue_record(const std::string& record_file) {
  std::map<std::uint64_t, FileId> ids;  // by inode number; the last file of that number
  const auto read = read_record(record_file, [&](const SyncEntry& entry) -> Result<> {
    if (entry.kind == SyncKind::file) ids[entry.a] = entry.file;
    last_id_ = std::max(last_id_, entry.file);
    return {};
  });
  if (!read) return tl::unexpected{read.error()};
  // A kill may have come in the middle of an entry: its sync was never told of.
  if (::truncate(record_file.c_str(), static_cast<off_t>(*read)) != 0) {
    return fail_errno(errno, "truncate '" + record_file + "'");
  }
  const auto files = inodes();
  if (!files) return tl::unexpected{files.error()};
  for (const auto& [name, inode] : *files) {
    const auto known = ids.find(inode);
    if (known != ids.end()) {
      names_[name] = known->second;
      continue;
    }
    const auto id = new_file(name);
    if (!id) return tl::unexpected{id.error()};
    names_[name] = *id;
  }
  return {};
}

Result<> RecordingDisk::record_names(const std::map<std::string, FileId>& names) {
  if (auto added = record_.add({.kind = SyncKind::clear, .name = {}, .content = {}}); !added) return added;
  for (const auto& [name, id] : names) {
    if (auto added = record_.add({.kind = SyncKind::name, .file = id, .name = name, .content = {}}); !added) {
      return added;
    }
  }
  return record_.add({.kind = SyncKind::names, .name = {}, .content = {}});
}

Result<std::unique_ptr<File>> RecordingDisk::create(const std::string& name) {
  auto file = disk_->create(name);
  if (!file) return file;
  const std::lock_guard lock{mutex_};
  const auto id = new_file(name);
  if (!id) return tl::unexpected{id.error()};
  names_[name] = *id;
  return std::unique_ptr<File>{std::make_unique<RecordingFile>(*this, std::move(*file), *id, 0)};
}

Result<std::unique_ptr<File>> RecordingDisk::open(const std::string& name) {
  auto file = disk_->open(name);
  if (!file) return file;
  const auto size = (*file)->size();
  if (!size) return tl::unexpected{size.error()};
  const std::lock_guard lock{mutex_};
  auto known = names_.find(name);
  if (known == names_.end()) {
    const auto id = new_file(name);
    if (!id) return tl::unexpected{id.error()};
    known = names_.emplace(name, *id).first;
  }
  // Who wrote it may not have synced it.
  return std::unique_ptr<File>{std::make_unique<RecordingFile>(*this, std::move(*file), known->second, *size)};
}

Result<> RecordingDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock{mutex_};
  if (auto done = disk_->rename(from, to); !done) return done;
  if (auto moved = names_.extract(from)) names_[to] = moved.mapped();
  return {};
}

Result<> RecordingDisk::remove(const std::string& name) {
  const std::lock_guard lock{mutex_};
  if (auto done = disk_->remove(name); !done) return done;
  names_.erase(name);
  return {};
}

Result<> RecordingDisk::sync_dir() {
  std::map<std::string, FileId> names;
  {
    const std::lock_guard lock{mutex_};
    names = names_;
  }
  if (auto synced = disk_->sync_dir(); !synced) return synced;
  const std::lock_guard lock{mutex_};
  return record_names(names);
}

}  // namespace coworker::journal
