#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coworker::proc {

/// The last `limit` bytes of what was appended.
class Tail {
 public:
  explicit Tail(std::size_t limit) : limit_{limit} {}

  void append(std::string_view part) {
    if (part.size() > limit_) part.remove_prefix(part.size() - limit_);
    text_.append(part);
    // Twice the limit before moving anything: each byte is moved at most once.
    if (text_.size() > 2 * limit_) text_.erase(0, text_.size() - limit_);
  }

  std::string take() {
    if (text_.size() > limit_) text_.erase(0, text_.size() - limit_);
    return std::move(text_);
  }

 private:
  std::size_t limit_;
  std::string text_;
};

}  // namespace coworker::proc
