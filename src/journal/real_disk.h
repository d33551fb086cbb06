#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "journal/disk.h"

namespace coworker::journal {

/// A directory of the file system. Files are made with mode 0600.
///
/// Thread safety: as Disk says.
class RealDisk : public Disk {
 public:
  /// Opens the directory, made with mode 0700 (and its parents) if there is none.
  static Result<std::unique_ptr<RealDisk>> open_directory(const std::string& path);

  std::string where() const override { return path_; }
  Result<std::vector<std::string>> list() override;
  Result<std::unique_ptr<File>> create(const std::string& name) override;
  Result<std::unique_ptr<File>> open(const std::string& name) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& name) override;
  Result<> sync_dir() override;
  Result<> lock() override;
  Result<Space> space() override;

 private:
  RealDisk(std::string path, Fd directory) : path_{std::move(path)}, directory_{std::move(directory)} {}

  Result<std::unique_ptr<File>> open_file(const std::string& name, int flags);
  std::string path_of(const std::string& name) const { return "'" + path_ + "/" + name + "'"; }

  std::string path_;
  Fd directory_;
  Fd lock_;
};

}  // namespace coworker::journal
