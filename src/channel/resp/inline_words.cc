#include "channel/resp/inline_words.h"

#include <cstddef>

namespace coworker::channel::resp {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char escaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

/// One pass over a line; appends what the words mean to `out`.
class Splitter {
 public:
  Splitter(std::string_view line, std::string& out) : line_{line}, out_{out} {}

  bool more() {
    while (at_ < line_.size() && is_space(line_[at_])) ++at_;
    return at_ < line_.size();
  }

  bool word() {
    while (at_ < line_.size() && !is_space(line_[at_])) {
      const char c = line_[at_++];
      if (c == '"') return double_quoted() && ends_here();
      if (c == '\'') return single_quoted() && ends_here();
      out_.push_back(c);
    }
    return true;
  }

 private:
  bool ends_here() const { return at_ == line_.size() || is_space(line_[at_]); }

  bool double_quoted() {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == '"') return true;
      if (c != '\\' || at_ == line_.size()) {
        out_.push_back(c);
      } else if (!hexadecimal()) {
        out_.push_back(escaped(line_[at_++]));
      }
    }
    return false;
  }

  /// `\xHH`, with at_ behind the backslash.
  bool hexadecimal() {
    if (line_[at_] != 'x' || line_.size() - at_ < 3) return false;
    const int high = hex_value(line_[at_ + 1]);
    const int low = hex_value(line_[at_ + 2]);
    if (high < 0 || low < 0) return false;
    out_.push_back(static_cast<char>(high * 16 + low));
    at_ += 3;
    return true;
  }

  bool single_quoted() {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == '\'') return true;
      const bool quote = c == '\\' && at_ < line_.size() && line_[at_] == '\'';
      out_.push_back(quote ? line_[at_++] : c);
    }
    return false;
  }

  std::string_view line_;
  std::string& out_;
  std::size_t at_ = 0;
};

}  // namespace

bool split_inline(std::string_view line, std::string& storage, std::vector<std::string_view>& words) {
  storage.clear();
  storage.reserve(line.size());  // no word is longer than it was typed, so the views stay valid
  words.clear();
  Splitter splitter{line, storage};
  while (splitter.more()) {
    const std::size_t start = storage.size();
    if (!splitter.word()) return false;
    if (storage.size() > start) words.emplace_back(storage.data() + start, storage.size() - start);
  }
  return true;
}

}  // namespace coworker::channel::resp
