#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "journal/disk.h"

namespace coworker::journal {

/// An item where it stands, in memory that somebody else may use again soon.
struct NearItem {
  std::string_view head;
  std::string_view body;
};

/// An item that was read back, its checksum compared.
class Item {
 public:
  Item() = default;
  Item(std::string bytes, std::size_t head_bytes) : bytes_{std::move(bytes)}, head_bytes_{head_bytes} {}

  std::string_view head() const { return std::string_view{bytes_}.substr(0, head_bytes_); }
  std::string_view body() const { return std::string_view{bytes_}.substr(head_bytes_); }

 private:
  std::string bytes_;
  std::size_t head_bytes_ = 0;
};

}  // namespace coworker::journal
