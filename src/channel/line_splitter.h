#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coworker::channel {

/// Cuts a stream of bytes into lines, which end with LF or CRLF.
class LineSplitter {
 public:
  /// A line of more bytes than `limit` ends the stream.
  explicit LineSplitter(std::size_t limit) : limit_{limit} {}

  /// Hands each complete line, without its end, to `take`. False: a line is longer than the limit, and nothing after it
  /// is looked at.
  template <class Take>
  bool feed(std::string_view part, Take&& take) {
    for (std::size_t end = part.find('\n'); end != std::string_view::npos; end = part.find('\n')) {
      std::string_view line = part.substr(0, end);
      part.remove_prefix(end + 1);
      if (begun_.size() + line.size() > limit_) return false;
      if (begun_.empty()) {
        take(without_return(line));
        continue;
      }
      // Own from here on: `take` may end up in here again.
      std::string whole = std::move(begun_);
      begun_.clear();
      whole += line;
      take(without_return(whole));
    }
    begun_ += part;
    return begun_.size() <= limit_;
  }

  /// Bytes of the line that has begun and not ended.
  std::size_t begun() const noexcept { return begun_.size(); }

  /// That line.
  std::string take_rest() {
    std::string rest = std::move(begun_);
    begun_.clear();
    return rest;
  }

 private:
  static std::string_view without_return(std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

  std::size_t limit_;
  std::string begun_;
};

}  // namespace coworker::channel
