#include "journal/sim_disk.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace coworker::journal {

namespace {

constexpr std::size_t kSector = 512;
constexpr std::uint64_t kBlock = 4096;

Result<> dead(const std::string& attempted) {
  return fail(Errc::internal, attempted + ": the power is off");
}
tl::unexpected<Error> broken(const std::string& attempted) {
  return fail(Errc::internal, attempted + ": I/O error");
}

}  // namespace

/// A file's content twice: as processes see it, and as it is on the disk.
struct SimInode {
  std::vector<std::byte> seen;
  std::vector<std::byte> stored;  // also behind stored_size: what a lost truncate brings back
  std::size_t stored_size = 0;
  std::vector<bool> dirty;  // by sector: seen and stored may differ, and a sync will store it
  int opened = 0;           // open files of it

  void mark(std::size_t from, std::size_t to) {
    const std::size_t end = (to + kSector - 1) / kSector;
    if (dirty.size() < end) dirty.resize(end);
    for (std::size_t sector = from / kSector; sector < end; ++sector) dirty[sector] = true;
  }

  void resize(std::size_t size) {
    mark(std::min(size, seen.size()), std::max(size, seen.size()));
    seen.resize(size);
  }

  void store(std::size_t sector) {
    const std::size_t begin = sector * kSector;
    if (stored.size() < begin + kSector) stored.resize(begin + kSector);
    std::fill_n(stored.begin() + static_cast<std::ptrdiff_t>(begin), kSector, std::byte{0});
    if (begin < seen.size()) {
      std::memcpy(stored.data() + begin, seen.data() + begin, std::min(kSector, seen.size() - begin));
    }
  }

  /// The page is taken from memory although it was never stored.
  void forget(std::size_t sector) {
    const std::size_t begin = sector * kSector;
    if (begin >= seen.size()) return;
    stored.resize(std::max(stored.size(), begin + kSector));
    std::memcpy(seen.data() + begin, stored.data() + begin, std::min(kSector, seen.size() - begin));
  }

  /// What is on the disk becomes what is seen.
  void reload() {
    stored.resize(std::max(stored.size(), stored_size));
    seen.assign(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(stored_size));
    stored = seen;
    dirty.clear();
  }

  std::uint64_t allocated() const { return (seen.size() + kBlock - 1) / kBlock * kBlock; }
};

class SimFile : public File {
 public:
  SimFile(SimDisk& disk, std::string name, std::shared_ptr<SimInode> inode)
      : disk_{disk}, name_{std::move(name)}, inode_{std::move(inode)}, life_{disk.life_} {
    ++inode_->opened;
  }
  ~SimFile() override { --inode_->opened; }

  Result<std::size_t> pwrite(std::uint64_t offset, Bytes bytes) override {
    const std::string attempted = "write '" + name_ + "'";
    if (auto alive = step(attempted); !alive) return tl::unexpected{alive.error()};
    CW_CHECK(!bytes.empty());
    std::size_t count = bytes.size();
    const bool fails = disk_.chance(disk_.faults_.failed_write);
    if (fails || disk_.chance(disk_.faults_.short_io)) count = 1 + disk_.below(count);
    if (auto grown = grow(offset + count, attempted); !grown) return tl::unexpected{grown.error()};
    std::memcpy(inode_->seen.data() + offset, bytes.data(), count);
    inode_->mark(offset, offset + count);
    if (fails) return broken(attempted);
    return count;
  }

  Result<std::size_t> pread(std::uint64_t offset, MutableBytes bytes) override {
    const std::string attempted = "read '" + name_ + "'";
    if (auto alive = step(attempted); !alive) return tl::unexpected{alive.error()};
    if (disk_.chance(disk_.faults_.failed_read)) return broken(attempted);
    if (offset >= inode_->seen.size() || bytes.empty()) return 0;
    std::size_t count = std::min(bytes.size(), inode_->seen.size() - static_cast<std::size_t>(offset));
    if (disk_.chance(disk_.faults_.short_io)) count = 1 + disk_.below(count);
    std::memcpy(bytes.data(), inode_->seen.data() + offset, count);
    return count;
  }

  Result<std::optional<std::size_t>> pread_nowait(std::uint64_t offset, MutableBytes bytes) override {
    if (disk_.chance(disk_.faults_.cold_read)) return std::optional<std::size_t>{};
    const auto count = pread(offset, bytes);
    if (!count) return tl::unexpected{count.error()};
    return *count;
  }

  Result<> data_sync() override {
    const std::string attempted = "sync '" + name_ + "'";
    if (auto alive = step(attempted); !alive) return alive;
    const bool fails = disk_.chance(disk_.faults_.failed_sync);
    for (std::size_t sector = 0; sector < inode_->dirty.size(); ++sector) {
      if (!inode_->dirty[sector]) continue;
      if (!fails || disk_.chance(0.5)) {
        inode_->store(sector);
      } else if (disk_.chance(0.5)) {
        inode_->forget(sector);
      }
    }
    inode_->dirty.assign(inode_->dirty.size(), false);
    if (fails) return broken(attempted);
    inode_->stored_size = inode_->seen.size();
    return {};
  }

  Result<std::uint64_t> size() override {
    if (auto alive = step("stat '" + name_ + "'"); !alive) return tl::unexpected{alive.error()};
    return inode_->seen.size();
  }

  Result<> truncate(std::uint64_t bytes) override {
    const std::string attempted = "truncate '" + name_ + "'";
    if (auto alive = step(attempted); !alive) return alive;
    if (bytes < inode_->seen.size()) {
      inode_->resize(bytes);
      return {};
    }
    return grow(bytes, attempted);
  }

  Result<> preallocate(std::uint64_t bytes) override {
    const std::string attempted = "allocate '" + name_ + "'";
    if (auto alive = step(attempted); !alive) return alive;
    return grow(bytes, attempted);
  }

  bool is_open_elsewhere() override { return inode_->opened > 1; }

 private:
  Result<> step(const std::string& attempted) {
    if (life_ != disk_.life_) return dead(attempted);
    return disk_.step(attempted.c_str());
  }

  Result<> grow(std::uint64_t bytes, const std::string& attempted) {
    if (bytes <= inode_->seen.size()) return {};
    const std::uint64_t more = (bytes + kBlock - 1) / kBlock * kBlock - inode_->allocated();
    const std::uint64_t used = disk_.used();
    if (used + more > disk_.total_) return fail(Errc::resource_exhausted, attempted + ": no space left on device");
    inode_->resize(bytes);
    return {};
  }

  SimDisk& disk_;
  std::string name_;
  std::shared_ptr<SimInode> inode_;
  std::uint64_t life_;
};

SimDisk::SimDisk(std::uint64_t seed, std::uint64_t bytes) : random_{seed}, total_{bytes} {}
SimDisk::~SimDisk() = default;

bool SimDisk::chance(double share) {
  if (share <= 0) return false;
  return static_cast<double>(random_() >> 11) * 0x1.0p-53 < share;
}

std::uint64_t SimDisk::below(std::uint64_t limit) {
  return limit == 0 ? 0 : random_() % limit;
}

Result<> SimDisk::step(const char* attempted) {
  ++calls_;
  if (calls_left_ == 0) return dead(attempted);
  if (calls_left_ != kNoLimit) --calls_left_;
  return {};
}

std::uint64_t SimDisk::used() const {
  std::uint64_t sum = 0;
  for (const auto& weak : inodes_) {
    if (const auto inode = weak.lock()) sum += inode->allocated();
  }
  return sum;
}

Result<std::vector<std::string>> SimDisk::list() {
  if (auto alive = step("list"); !alive) return tl::unexpected{alive.error()};
  std::vector<std::string> names;
  for (const auto& [name, inode] : names_) names.push_back(name);
  return names;
}

Result<std::unique_ptr<File>> SimDisk::create(const std::string& name) {
  if (auto alive = step("create"); !alive) return tl::unexpected{alive.error()};
  if (names_.contains(name)) return fail(Errc::conflict, "create '" + name + "': it exists");
  auto inode = std::make_shared<SimInode>();
  if (auto changed = change_names({.from = "", .to = name, .inode = inode}); !changed) {
    return tl::unexpected{changed.error()};
  }
  std::erase_if(inodes_, [](const auto& weak) { return weak.expired(); });
  inodes_.push_back(inode);
  return std::unique_ptr<File>{std::make_unique<SimFile>(*this, name, std::move(inode))};
}

Result<std::unique_ptr<File>> SimDisk::open(const std::string& name) {
  if (auto alive = step("open"); !alive) return tl::unexpected{alive.error()};
  const auto found = names_.find(name);
  if (found == names_.end()) return fail(Errc::not_found, "open '" + name + "': no such file");
  return std::unique_ptr<File>{std::make_unique<SimFile>(*this, name, found->second)};
}

Result<> SimDisk::rename(const std::string& from, const std::string& to) {
  if (auto alive = step("rename"); !alive) return alive;
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Errc::not_found, "rename '" + from + "': no such file");
  return change_names({.from = from, .to = to, .inode = found->second});
}

Result<> SimDisk::remove(const std::string& name) {
  if (auto alive = step("remove"); !alive) return alive;
  if (!names_.contains(name)) return fail(Errc::not_found, "remove '" + name + "': no such file");
  return change_names({.from = "", .to = name, .inode = nullptr});
}

Result<> SimDisk::change_names(Change change) {
  if (chance(change.inode ? faults_.failed_name : faults_.failed_remove)) return broken("change '" + change.to + "'");
  apply(change, names_);
  unsynced_.push_back(std::move(change));
  return {};
}

void SimDisk::apply(const Change& change, Names& names) {
  if (!change.from.empty()) names.erase(change.from);
  if (change.inode) {
    names[change.to] = change.inode;
  } else {
    names.erase(change.to);
  }
}

Result<> SimDisk::sync_dir() {
  if (auto alive = step("sync directory"); !alive) return alive;
  if (chance(faults_.failed_dir_sync)) return broken("sync directory");
  synced_names_ = names_;
  unsynced_.clear();
  return {};
}

Result<> SimDisk::lock() {
  if (auto alive = step("lock"); !alive) return alive;
  if (locked_) return fail(Errc::conflict, "'sim' is in use by process 1");
  locked_ = true;
  return {};
}

Result<Space> SimDisk::space() {
  if (auto alive = step("measure"); !alive) return tl::unexpected{alive.error()};
  const std::uint64_t taken = used();
  return Space{.total = total_, .free = taken < total_ ? total_ - taken : 0};
}

void SimDisk::keep_some_changes() {
  std::set<std::string> lost;  // names whose latest change is lost: later ones of them are, too
  const double share = static_cast<double>(below(5)) / 4;
  for (const Change& change : unsynced_) {
    const bool depends = lost.contains(change.to) || (!change.from.empty() && lost.contains(change.from));
    if (!depends && chance(share)) {
      apply(change, synced_names_);
    } else {
      lost.insert(change.to);
      if (!change.from.empty()) lost.insert(change.from);
    }
  }
}

void SimDisk::crash() {
  keep_some_changes();
  names_ = synced_names_;
  unsynced_.clear();
  kill();
  const double share = static_cast<double>(below(5)) / 4;
  for (const auto& weak : inodes_) {
    const auto inode = weak.lock();
    if (!inode) continue;
    for (std::size_t sector = 0; sector < inode->dirty.size(); ++sector) {
      if (inode->dirty[sector] && chance(share)) inode->store(sector);
    }
    const std::size_t sizes[] = {inode->stored_size, inode->seen.size()};
    const auto [low, high] = std::minmax(sizes[0], sizes[1]);
    switch (below(3)) {
      case 0:
        break;
      case 1:
        inode->stored_size = inode->seen.size();
        break;
      default:
        inode->stored_size = low + below(high - low + 1);
    }
    inode->reload();
  }
}

void SimDisk::kill() {
  ++life_;
  locked_ = false;
  calls_left_ = kNoLimit;
}

void SimDisk::damage(const std::string& name, const std::function<void(std::vector<std::byte>&)>& change) {
  const auto found = names_.find(name);
  CW_CHECK(found != names_.end());
  SimInode& inode = *found->second;
  change(inode.seen);
  inode.stored = inode.seen;
  inode.stored_size = inode.seen.size();
  inode.dirty.assign(inode.dirty.size(), false);
}

}  // namespace coworker::journal
