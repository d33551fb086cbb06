#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "job/command.h"
#include "net/resp/identity.h"

namespace coworker::net::resp {

/// Writes a store's answer as a reply. Pure; `detail` is what the request asked for.
using Format = void (*)(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);

/// The replies of one connection, in the order of its requests.
///
/// A pipeline of a thousand adds shares one sync: each request takes a slot at once, the session goes on
/// decoding, and a slot is filled when the store answers. What is filled at the front moves to the
/// output; a blocked claim keeps its slot open, and what stands behind it waits, as the protocol
/// promises. A silent slot (CLIENT REPLY) takes its turn and leaves nothing.
///
/// Thread safety: the server's loop only.
class ReplyQueue {
 public:
  using Slot = std::uint64_t;

  struct Entry {
    std::string text;  // filled, but not at the front
    Format format = nullptr;
    std::uint32_t detail = 0;
    bool filled = false;
    bool silent = false;
    std::uint8_t kind = 0;  // the session's own mark
  };

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  /// Takes the next slot.
  Slot open(Format format, std::uint32_t detail, std::uint8_t kind, bool silent) {
    if (size_ == ring_.size()) grow();
    Entry& entry = ring_[index(first_ + size_)];
    entry.text.clear();
    entry.format = format;
    entry.detail = detail;
    entry.filled = false;
    entry.silent = silent;
    entry.kind = kind;
    return first_ + size_++;
  }

  Entry& entry(Slot slot) { return ring_[index(slot)]; }

  /// Where the text of `slot` goes: straight to `output` when it is the oldest.
  std::string& text(Slot slot, std::string& output) {
    Entry& wanted = entry(slot);
    return slot == first_ && !wanted.silent ? output : wanted.text;
  }

  /// The text is complete. Moves all that may leave to `output`.
  void fill(Slot slot, std::string& output) {
    entry(slot).filled = true;
    while (size_ > 0 && entry(first_).filled) {
      Entry& front = entry(first_);
      if (!front.silent && !front.text.empty()) output.append(front.text);
      if (front.text.capacity() > kKeptText) front.text = std::string{};
      front.text.clear();
      ++first_;
      --size_;
    }
  }

  /// Gives memory back when nothing is open.
  void shrink() {
    if (size_ == 0) ring_ = std::vector<Entry>{};
  }

 private:
  static constexpr std::size_t kKeptText = 256;

  std::size_t index(Slot slot) const noexcept { return static_cast<std::size_t>(slot) & (ring_.size() - 1); }

  void grow() {
    std::vector<Entry> larger(ring_.empty() ? 8 : ring_.size() * 2);
    for (Slot slot = first_; slot < first_ + size_; ++slot) {
      larger[static_cast<std::size_t>(slot) & (larger.size() - 1)] = std::move(entry(slot));
    }
    ring_ = std::move(larger);
  }

  std::vector<Entry> ring_;  // a power of two, or empty
  Slot first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace coworker::net::resp
