#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace coworker::journal {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// An open file. It stays readable after its name was removed or replaced.
///
/// Thread safety: `pread` and `data_sync` may be called on any thread while the owner's thread uses the
/// rest; the simulated disk alone is for one thread.
class File {
 public:
  virtual ~File() = default;

  /// Writes at `offset` and returns how much was written: at least 1 byte, perhaps less than all.
  virtual Result<std::size_t> pwrite(std::uint64_t offset, Bytes bytes) = 0;

  /// Reads into `bytes` and returns how much: less than asked only at the end of the file or by chance,
  /// 0 only at the end.
  virtual Result<std::size_t> pread(std::uint64_t offset, MutableBytes bytes) = 0;

  /// As pread, from memory only: nullopt when the disk would have to be waited for.
  virtual Result<std::optional<std::size_t>> pread_nowait(std::uint64_t offset, MutableBytes bytes) = 0;

  /// All bytes written before the call, and the size, would survive a power cut after it succeeded. After
  /// a failure the bytes may be lost although they can still be read, and a second call may succeed
  /// falsely: it is never repeated on the same file.
  virtual Result<> data_sync() = 0;

  virtual Result<std::uint64_t> size() = 0;
  virtual Result<> truncate(std::uint64_t bytes) = 0;

  /// Makes the file at least `bytes` long, with its blocks allocated: later writes into it need no space.
  virtual Result<> preallocate(std::uint64_t bytes) = 0;

  /// Whether anybody else, of any process, has opened the same file and not closed it. True where that cannot be known.
  virtual bool is_open_elsewhere() = 0;
};

struct Space {
  std::uint64_t total = 0;
  std::uint64_t free = 0;  // what this process may still allocate
};

/// One directory of files, by plain names: everything this program knows of a disk. Names made, changed
/// or removed survive a power cut once `sync_dir` succeeded.
///
/// Thread safety: any thread; the simulated disk alone is for one.
class Disk {
 public:
  virtual ~Disk() = default;

  /// Where it is, for messages.
  virtual std::string where() const = 0;

  /// The names of all files, in no order.
  virtual Result<std::vector<std::string>> list() = 0;

  /// Makes a new, empty file; a name that exists is `conflict`.
  virtual Result<std::unique_ptr<File>> create(const std::string& name) = 0;

  /// Opens for reading and writing; `not_found` when there is none.
  virtual Result<std::unique_ptr<File>> open(const std::string& name) = 0;

  /// Atomic; replaces `to` if it exists.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> remove(const std::string& name) = 0;

  /// May be called on any thread, as File::data_sync.
  virtual Result<> sync_dir() = 0;

  /// Takes the directory for this process until the Disk is destroyed. An owner that lives is `conflict`,
  /// with its pid in the text.
  virtual Result<> lock() = 0;

  virtual Result<Space> space() = 0;
};

/// Writes all of `bytes`, however many calls that takes.
Result<> write_all(File& file, std::uint64_t offset, Bytes bytes);

/// Reads until `bytes` is full or the file ends; returns how much was read.
Result<std::size_t> read_up_to(File& file, std::uint64_t offset, MutableBytes bytes);

/// A small file as a whole. `replace_small` is atomic and durable: after a power cut there is the old
/// content or the new one, and the new one once it has returned.
Result<std::string> read_small(Disk& disk, const std::string& name);
Result<> replace_small(Disk& disk, const std::string& name, Bytes content);

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace coworker::journal
