#include "channel/json_stream.h"

#include <fmt/format.h>

#include <cstring>

#include "base/utf8.h"

namespace coworker::channel {
namespace {

constexpr std::size_t kBlock = 32;  // bytes looked at together within a string
constexpr std::size_t kHead = 4;
constexpr std::size_t kKeptCapacity = 1 << 20;  // an empty buffer larger than that is given back

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Ends a run of plain bytes in a string. All of a block are tested without a branch, so that the compiler can test
/// them at once.
bool is_special(unsigned char c) {
  return static_cast<unsigned>(c == '"') | static_cast<unsigned>(c == '\\') | static_cast<unsigned>(c < 0x20);
}

}  // namespace

std::span<char> JsonStream::room(std::size_t least) {
  if (begin_ == end_) {
    passed_ += begin_;
    begin_ = at_ = end_ = 0;
    if (capacity_ > kKeptCapacity) {
      bytes_.reset();
      capacity_ = 0;
    }
  }
  if (capacity_ - end_ < least) {
    const std::size_t kept = end_ - begin_;
    std::size_t wanted = std::max<std::size_t>(capacity_, 4096);
    while (wanted - kept < least) wanted *= 2;
    if (wanted == capacity_) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, kept);
    } else {
      auto larger = std::make_unique_for_overwrite<char[]>(wanted);
      if (kept > 0) std::memcpy(larger.get(), bytes_.get() + begin_, kept);
      bytes_ = std::move(larger);
      capacity_ = wanted;
    }
    passed_ += begin_;
    at_ -= begin_;
    end_ = kept;
    begin_ = 0;
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void JsonStream::filled(std::size_t bytes) {
  if (head_.size() < kHead) head_.append(bytes_.get() + end_, std::min(bytes, kHead - head_.size()));
  end_ += bytes;
}

void JsonStream::append(std::string_view part) {
  if (part.empty()) return;
  std::memcpy(room(part.size()).data(), part.data(), part.size());
  filled(part.size());
}

tl::unexpected<Error> JsonStream::garbage(std::size_t at, const char* what) const {
  return fail(Errc::invalid_argument, fmt::format("not JSON at byte {} of the stream: {}", passed_ + at, what));
}

Result<std::optional<std::string_view>> JsonStream::next() {
  scan();
  if (bad_) return garbage(at_, "this byte cannot stand here");
  if (deep_) return fail(Errc::resource_exhausted, fmt::format("more than {} levels deep", limits_.depth));
  if (at_ - begin_ > limits_.bytes) {
    return fail(Errc::resource_exhausted, fmt::format("a value of more than {} bytes", limits_.bytes));
  }
  if (state_ != State::done) return std::nullopt;
  return give();
}

Result<std::optional<std::string_view>> JsonStream::give() {
  const std::string_view text{bytes_.get() + begin_, at_ - begin_};
  if (has_high_) {
    if (const std::size_t wrong = first_not_utf8(text); wrong < text.size()) {
      bad_ = true;
      at_ = begin_ + wrong;
      return garbage(at_, "this is no UTF-8");
    }
  }
  state_ = State::between;
  has_high_ = false;
  begin_ = at_;
  return text;
}

bool JsonStream::ends_at_stop() const {
  return open_.empty() && (state_ == State::zero || state_ == State::digits || state_ == State::fraction ||
                           state_ == State::exponent_digits);
}

Result<std::optional<std::string_view>> JsonStream::last() {
  Result<std::optional<std::string_view>> text = next();
  if (!text || *text) return text;
  if (ends_at_stop()) return give();
  if (state_ != State::between) return garbage(at_, "the stream ends within a value");
  return text;
}

void JsonStream::scan() {
  while (state_ == State::between && at_ < end_ && is_space(bytes_[at_])) ++at_;
  if (state_ == State::between) begin_ = at_;
  // One byte beyond the limit is enough to know.
  const std::size_t stop = end_ - begin_ > limits_.bytes ? begin_ + limits_.bytes + 1 : end_;
  while (at_ < stop && state_ != State::done && !bad_ && !deep_) {
    if (state_ == State::string) {
      scan_string(stop);
    } else {
      step(bytes_[at_]);
    }
  }
}

void JsonStream::scan_string(std::size_t stop) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(bytes_.get());
  unsigned char high = 0;
  while (stop - at_ >= kBlock) {
    bool is_any_special = false;
    unsigned char seen = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      is_any_special |= is_special(bytes[at_ + i]);
      seen |= bytes[at_ + i];
    }
    if (is_any_special) break;
    high |= seen;
    at_ += kBlock;
  }
  while (at_ < stop && !is_special(bytes[at_])) high |= bytes[at_++];
  if (high >= 0x80) has_high_ = true;
  if (at_ == stop) return;
  if (bytes[at_] == '"') {
    ++at_;
    if (is_key_) {
      state_ = State::colon;
    } else {
      end_value();
    }
  } else if (bytes[at_] == '\\') {
    ++at_;
    state_ = State::escape;
  } else {
    refuse();
  }
}

/// False: `c` is not of the number, which has ended.
bool JsonStream::scan_number(char c) {
  const auto go = [&](State state) {
    state_ = state;
    return true;
  };
  const bool is_exponent = c == 'e' || c == 'E';
  switch (state_) {
    case State::minus:
      if (c == '0') return go(State::zero);
      return is_digit(c) ? go(State::digits) : (refuse(), true);
    case State::zero:
    case State::digits:
      if (state_ == State::digits && is_digit(c)) return true;
      if (c == '.') return go(State::point);
      return is_exponent && go(State::exponent);
    case State::point:
      return is_digit(c) ? go(State::fraction) : (refuse(), true);
    case State::fraction:
      return is_digit(c) || (is_exponent && go(State::exponent));
    case State::exponent:
      if (c == '+' || c == '-') return go(State::exponent_sign);
      [[fallthrough]];
    case State::exponent_sign:
      return is_digit(c) ? go(State::exponent_digits) : (refuse(), true);
    default:
      return is_digit(c);
  }
}

void JsonStream::step(char c) {
  switch (state_) {
    case State::between:
    case State::value:
    case State::value_or_end:
    case State::key:
    case State::key_or_end:
    case State::colon:
    case State::comma_or_end:
      if (!is_space(c)) begin_value(c);
      break;
    case State::escape:
      if (c == 'u') {
        hex_left_ = 4;
        state_ = State::hex;
      } else if (c != '\0' && std::strchr("\"\\/bfnrt", c) != nullptr) {
        state_ = State::string;
      } else {
        refuse();
      }
      break;
    case State::hex:
      if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) refuse();
      if (--hex_left_ == 0) state_ = State::string;
      break;
    case State::literal:
      if (c != *rest_) refuse();
      if (*++rest_ == '\0') end_value();
      break;
    default:
      if (!scan_number(c)) {
        end_value();
        return;  // looked at again, as what follows the number
      }
  }
  if (!bad_ && !deep_) ++at_;
}

/// What is no white space, where a value, a key or a sign may stand.
void JsonStream::begin_value(char c) {
  const bool may_be_value = state_ == State::between || state_ == State::value || state_ == State::value_or_end;
  const bool may_be_key = state_ == State::key || state_ == State::key_or_end;
  if (c == '"' && (may_be_value || may_be_key)) {
    is_key_ = may_be_key;
    state_ = State::string;
  } else if (c == ']' && (state_ == State::value_or_end || state_ == State::comma_or_end)) {
    close('[');
  } else if (c == '}' && (state_ == State::key_or_end || state_ == State::comma_or_end)) {
    close('{');
  } else if (c == ':' && state_ == State::colon) {
    state_ = State::value;
  } else if (c == ',' && state_ == State::comma_or_end) {
    state_ = open_.back() == '{' ? State::key : State::value;
  } else if (!may_be_value) {
    refuse();
  } else if (c == '{') {
    open(c, State::key_or_end);
  } else if (c == '[') {
    open(c, State::value_or_end);
  } else if (c == '-') {
    state_ = State::minus;
  } else if (is_digit(c)) {
    state_ = c == '0' ? State::zero : State::digits;
  } else if (c == 't' || c == 'f' || c == 'n') {
    rest_ = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
    state_ = State::literal;
  } else {
    refuse();
  }
}

void JsonStream::end_value() {
  state_ = open_.empty() ? State::done : State::comma_or_end;
}

void JsonStream::open(char bracket, State then) {
  deep_ = open_.size() == limits_.depth;
  open_ += bracket;
  state_ = then;
}

void JsonStream::close(char bracket) {
  if (open_.empty() || open_.back() != bracket) return refuse();
  open_.pop_back();
  end_value();
}

}  // namespace coworker::channel
