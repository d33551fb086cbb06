#include "channel/resp/request_decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "channel/resp/inline_words.h"
#include "channel/resp/number.h"

namespace coworker::channel::resp {
namespace {

constexpr std::size_t kLongestHead = 32;  // more digits than any length has
constexpr std::size_t kFewDigits = 12;    // lengths that are read without a detour

std::string printable(char c) {
  return c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
}

}  // namespace

RequestDecoder::Step RequestDecoder::next(std::string_view input) {
  if (!error_.empty()) return Step::malformed;
  if (done_) {
    done_ = false;
    phase_ = Phase::start;
    position_ = 0;
    words_.clear();
  } else {
    follow(input.data());
  }
  base_ = input.data();
  if (phase_ != Phase::start) return array(input);
  if (input.empty()) return wait(1);
  return input.front() == '*' ? array(input) : inline_line(input);
}

/// The unfinished request has moved in memory: its words move with it.
void RequestDecoder::follow(const char* base) {
  if (base == base_) return;
  for (std::string_view& word : words_) word = std::string_view{base + (word.data() - base_), word.size()};
}

RequestDecoder::Step RequestDecoder::array(std::string_view input) {
  if (phase_ == Phase::start) {
    position_ = 0;
    const Step step = head(input, words_left_, "invalid multibulk length");
    if (step != Step::request) return step;
    if (words_left_ > limits_.words) return complain("invalid multibulk length");
    phase_ = Phase::head;
  }
  while (words_left_ > 0) {
    if (phase_ == Phase::head) {
      if (position_ == input.size()) return wait(1);
      const char type = input[position_];
      if (type != '$') return complain(fmt::format("expected '$', got '{}'", printable(type)));
      std::int64_t length = 0;
      const Step step = head(input, length, "invalid bulk length");
      if (step != Step::request) return step;
      if (length < 0 || length > limits_.bulk) return complain("invalid bulk length");
      bulk_length_ = static_cast<std::size_t>(length);
      phase_ = Phase::payload;
    }
    const std::size_t needed = bulk_length_ + 2;  // what the last two are is not looked at
    if (input.size() - position_ < needed) return wait(needed - (input.size() - position_));
    words_.push_back(input.substr(position_, bulk_length_));
    position_ += needed;
    phase_ = Phase::head;
    --words_left_;
  }
  return finish();
}

/// Reads "<type><integer>CR LF" at the position.
RequestDecoder::Step RequestDecoder::head(std::string_view input, std::int64_t& value, const char* complaint) {
  const std::string_view rest = input.substr(position_ + 1);
  std::size_t digits = 0;
  std::int64_t number = 0;
  while (digits < rest.size() && digits < kFewDigits && rest[digits] >= '0' && rest[digits] <= '9') {
    number = number * 10 + (rest[digits++] - '0');
  }
  const bool canonical = digits == 1 || (digits > 1 && rest[0] != '0');
  if (!canonical || digits + 1 >= rest.size() || rest[digits] != '\r') return unusual_head(rest, value, complaint);
  value = number;
  position_ += 1 + digits + 2;
  return Step::request;
}

/// The same for what is incomplete, negative, long or wrong.
RequestDecoder::Step RequestDecoder::unusual_head(std::string_view rest, std::int64_t& value, const char* complaint) {
  const std::size_t window = std::min(rest.size(), kLongestHead);
  const std::size_t digits = rest.substr(0, window).find('\r');
  if (digits == std::string_view::npos) return window == kLongestHead ? complain(complaint) : wait(1);
  if (digits + 2 > rest.size()) return wait(1);
  const std::optional<std::int64_t> parsed = parse_integer(rest.substr(0, digits));
  if (!parsed) return complain(complaint);
  value = *parsed;
  position_ += 1 + digits + 2;
  return Step::request;
}

RequestDecoder::Step RequestDecoder::inline_line(std::string_view input) {
  const std::size_t end = input.find('\n', position_);
  if (end == std::string_view::npos) {
    if (input.size() > limits_.line) return complain("too big inline request");
    position_ = input.size();  // searched so far
    return wait(1);
  }
  if (end > limits_.line) return complain("too big inline request");
  std::string_view line = input.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!split_inline(line, unquoted_, words_)) return complain("unbalanced quotes in request");
  position_ = end + 1;
  return finish();
}

RequestDecoder::Step RequestDecoder::finish() {
  done_ = true;
  missing_ = 0;
  return Step::request;
}

RequestDecoder::Step RequestDecoder::wait(std::size_t missing) {
  missing_ = missing;
  return Step::incomplete;
}

RequestDecoder::Step RequestDecoder::complain(std::string text) {
  error_ = "Protocol error: " + text;
  return Step::malformed;
}

}  // namespace coworker::channel::resp
