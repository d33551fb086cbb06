#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "journal/disk.h"

namespace coworker::journal {

/// How badly a SimDisk behaves. Chances are per call, 0…1.
struct SimFaults {
  double failed_sync = 0;  // Linux: the bytes count as clean afterwards; they may be lost, also from memory
  double failed_dir_sync = 0;
  double failed_write = 0;  // EIO; part of the bytes may have been written
  double failed_read = 0;
  double failed_name = 0;  // create, rename
  double failed_remove = 0;
  double short_io = 0;   // reads and writes that do less than asked
  double cold_read = 0;  // pread_nowait finds nothing in memory
};

struct SimInode;

/// A disk in memory, for tests: deterministic for a seed, and able to lose power. It knows which bytes, sizes
/// and names were synced; a crash keeps these, and of the rest a random part: bytes by sectors of 512, in any
/// order; changes of names each for itself, save that what concerns the same name stays in order.
///
/// Thread safety: one thread, also for data_sync.
class SimDisk : public Disk {
 public:
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  explicit SimDisk(std::uint64_t seed, std::uint64_t bytes = std::uint64_t{1} << 40);
  ~SimDisk() override;

  std::string where() const override { return "sim"; }
  Result<std::vector<std::string>> list() override;
  Result<std::unique_ptr<File>> create(const std::string& name) override;
  Result<std::unique_ptr<File>> open(const std::string& name) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& name) override;
  Result<> sync_dir() override;
  Result<> lock() override;
  Result<Space> space() override;

  /// The power fails and returns: every open file and the lock are dead, what was not synced is gone in part.
  void crash();

  /// The process dies, the machine goes on: files and the lock are dead, nothing is lost.
  void kill();

  /// After so many more calls everything fails, as for a process cut off in mid-work; until `crash` or `kill`.
  void power_off_after(std::uint64_t calls) { calls_left_ = calls; }
  bool powered() const { return calls_left_ > 0; }
  std::uint64_t calls() const { return calls_; }

  void set_faults(const SimFaults& faults) { faults_ = faults; }
  void set_bytes(std::uint64_t bytes) { total_ = bytes; }
  std::uint64_t used() const;

  /// For damage: the file's bytes are handed to `change`, which may do anything; the result counts as synced.
  void damage(const std::string& name, const std::function<void(std::vector<std::byte>&)>& change);

 private:
  friend class SimFile;
  using Names = std::map<std::string, std::shared_ptr<SimInode>>;

  /// One change of names: `to` becomes `inode` (or nothing), and `from`, if any, goes away with it.
  struct Change {
    std::string from;
    std::string to;
    std::shared_ptr<SimInode> inode;
  };

  bool chance(double share);
  std::uint64_t below(std::uint64_t limit);
  Result<> step(const char* attempted);  // counts a call; an error when the power is off
  Result<> change_names(Change change);
  void keep_some_changes();
  static void apply(const Change& change, Names& names);

  std::mt19937_64 random_;
  std::uint64_t total_;
  std::uint64_t calls_ = 0;
  std::uint64_t calls_left_ = kNoLimit;
  std::uint64_t life_ = 0;  // files opened in an earlier life are dead
  bool locked_ = false;
  SimFaults faults_;
  Names names_;                   // as processes see them
  Names synced_names_;            // as on the disk
  std::vector<Change> unsynced_;  // from the latter to the former
  std::vector<std::weak_ptr<SimInode>> inodes_;
};

}  // namespace coworker::journal
