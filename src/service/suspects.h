#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace coworker::service {

/// Jobs that may have ended a consumer when nobody knows which of several it was. In memory shared by the supervisor
/// and all consumers: an inline job that stands here runs alone in its process, so that a second death names it.
///
/// Thread safety: any thread, any process. Full: the oldest entry is forgotten.
class Suspects {
 public:
  static Result<std::unique_ptr<Suspects>> create();
  static Result<std::unique_ptr<Suspects>> open(Fd fd);
  ~Suspects();
  Suspects(const Suspects&) = delete;
  Suspects& operator=(const Suspects&) = delete;

  int fd() const noexcept { return fd_.get(); }

  /// `key` is that of a job::JobId.
  void add(std::uint64_t key);
  void clear(std::uint64_t key);
  bool contains(std::uint64_t key) const;

 private:
  static constexpr std::size_t kEntries = 255;
  struct Table {
    std::atomic<std::uint64_t> next;
    std::array<std::atomic<std::uint64_t>, kEntries> keys;
  };

  Suspects(Fd fd, Table* table) : fd_{std::move(fd)}, table_{table} {}

  Fd fd_;
  Table* table_;
};

}  // namespace coworker::service
