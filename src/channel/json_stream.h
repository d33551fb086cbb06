#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace coworker::channel {

/// Cuts a stream of bytes into JSON texts (RFC 8259, UTF-8). The grammar itself separates them, with any white space
/// between: `{"a":1}[2]"three" 4 5` are five. A number ends with the byte after it, all others with their own last
/// byte.
///
/// Bytes are looked at once, however the stream was cut into pieces. What is not JSON is an error that names the byte
/// of the stream, and what a value may have in size and depth is limited; after an error there is nothing more.
///
///     stream.filled(read(fd, stream.room(n).data(), n));
///     for (;;) { auto text = stream.next(); if (!text || !*text) break; use(**text); }
class JsonStream {
 public:
  struct Limits {
    std::size_t bytes = 64u << 20;  // of one value
    std::size_t depth = 512;        // of arrays and objects within each other
  };

  JsonStream() : JsonStream{Limits{}} {}
  explicit JsonStream(Limits limits) : limits_{limits} {}

  /// Where at least `least` more bytes can be put; `filled` says how many were. Ends the texts that `next` gave.
  std::span<char> room(std::size_t least);
  void filled(std::size_t bytes);
  void append(std::string_view part);

  /// The next complete value without white space around it, valid until `room` or `append`; nullopt: more bytes are
  /// needed. Errors: invalid_argument (not JSON), resource_exhausted (a limit).
  Result<std::optional<std::string_view>> next();

  /// The same at the end of the stream, which also ends a number. An error when it is within a value.
  Result<std::optional<std::string_view>> last();

  /// The first bytes of the stream, four when so many have come.
  std::string_view head() const noexcept { return head_; }

  /// Bytes that were put in and not given out.
  std::size_t pending() const noexcept { return end_ - begin_; }

 private:
  enum class State : std::uint8_t {
    between,       // values
    value,         // must follow
    value_or_end,  // after '['
    key,           // after ',' in an object
    key_or_end,    // after '{'
    colon,
    comma_or_end,
    string,
    escape,
    hex,      // of \uXXXX
    literal,  // true, false, null
    minus,    // the places in a number
    zero,
    digits,
    point,
    fraction,
    exponent,
    exponent_sign,
    exponent_digits,
    done,
  };

  void scan();
  void scan_string(std::size_t stop);
  bool scan_number(char c);
  void step(char c);
  void begin_value(char c);
  void end_value();
  void open(char bracket, State then);
  void close(char bracket);
  void refuse() { bad_ = true; }
  bool ends_at_stop() const;
  Result<std::optional<std::string_view>> give();
  tl::unexpected<Error> garbage(std::size_t at, const char* what) const;

  Limits limits_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // of what was not given out
  std::size_t at_ = 0;     // looked at up to here
  std::size_t end_ = 0;
  std::uint64_t passed_ = 0;  // bytes of the stream before bytes_[0]

  State state_ = State::between;
  bool is_key_ = false;    // the string is one
  bool has_high_ = false;  // bytes beyond ASCII
  bool bad_ = false;       // bytes_[at_] cannot be there
  bool deep_ = false;
  std::uint8_t hex_left_ = 0;
  const char* rest_ = "";  // of the literal
  std::string head_;
  std::string open_;  // brackets
};

}  // namespace coworker::channel
