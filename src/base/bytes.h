#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace coworker {

static_assert(std::endian::native == std::endian::little, "formats on disk are little-endian and written as they lie");

/// Appends integers as they lie in memory, and texts with a 4-byte length before them.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_{out} {}

  /// One after the other, without padding. Several at once cost little more than one.
  template <class... T>
    requires(std::is_trivially_copyable_v<T> && ...)
  ByteWriter& put(T... values) {
    char bytes[(sizeof values + ...)];
    char* to = bytes;
    ((std::memcpy(to, &values, sizeof values), to += sizeof values), ...);
    out_.append(bytes, sizeof bytes);
    return *this;
  }

  ByteWriter& text(std::string_view value) {
    put(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
    return *this;
  }

 private:
  std::string& out_;
};

/// Reads what ByteWriter wrote. Reading past the end gives zeros and makes `ok()` false, for good.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_{bytes} {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T get() {
    T value{};
    if (bytes_.size() < sizeof value) {
      ok_ = false;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }

  std::string_view text() {
    const auto size = get<std::uint32_t>();
    if (bytes_.size() < size) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return value;
  }

  /// All that is left.
  std::string_view rest() {
    const std::string_view value = bytes_;
    bytes_ = {};
    return value;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace coworker
