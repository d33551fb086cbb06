#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "journal/disk.h"

/// The side log of a RecordingDisk: what was synced, entry by entry, bytes included.
///
///   entry   u32 kind · u32 name bytes · u64 file · u64 a · u64 b · then the name, then `b` bytes of content
///   file    a file came to be; a: its inode number in the file system
///   bytes   content of `file` at offset a was synced, b bytes of it
///   size    the size of `file`, a, was synced
///   clear   the directory is about to be told anew: `name` entries until `names`
///   name    one name, of `file`
///   names   the directory with the names since `clear` was synced
namespace coworker::journal {

using FileId = std::uint64_t;

enum class SyncKind : std::uint32_t { file = 1, bytes, size, clear, name, names };

struct SyncEntry {
  SyncKind kind{};
  FileId file = 0;
  std::uint64_t a = 0;
  std::string name;
  std::string content;
};

class SyncRecord {
 public:
  static Result<SyncRecord> open_for_append(const std::string& path);

  /// One write(2), so that a killed process leaves whole entries, and perhaps a last one that is cut short.
  Result<> add(const SyncEntry& entry);

 private:
  SyncRecord(std::string path, Fd fd) : path_{std::move(path)}, fd_{std::move(fd)} {}

  std::string path_;
  Fd fd_;
};

/// Hands out the entries of a record in order, and returns how many bytes they take; one that is cut short is the end.
/// `not_found`: there is no such file.
Result<std::uint64_t> read_record(const std::string& path, const std::function<Result<>(const SyncEntry&)>& take);

}  // namespace coworker::journal
