#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coworker::channel::resp {

struct RequestLimits {
  std::size_t line = 64 * 1024;             // bytes of an inline request
  std::int64_t words = 1024 * 1024;         // in one request
  std::int64_t bulk = 512LL * 1024 * 1024;  // bytes of one word
};

/// Decodes requests out of a growing buffer, without copying: words are views into the caller's bytes.
///
///   request = "*" count CRLF { "$" length CRLF bytes any any }     count <= 0: an empty request
///           | line LF                                              inline, see below
///
/// An inline line is split at white space; "…" knows \n \r \t \b \a \xHH and \c for any other c, '…' knows
/// \' only; a quote must end a word; empty quoted words vanish.
///
/// The caller passes everything since the end of the last request to `next`, each time: after
/// `incomplete` the same bytes and more, which may have moved. What was looked at is not looked at again.
///
/// Thread safety: none.
class RequestDecoder {
 public:
  enum class Step {
    request,     // words() and consumed() tell; words() is empty for a blank line and for `*0`
    incomplete,  // more bytes are needed
    malformed,   // error() tells; the stream cannot be read any further
  };

  explicit RequestDecoder(RequestLimits limits = {}) : limits_{limits} {}

  Step next(std::string_view input);

  /// Valid until the input changes or `next` is called.
  std::span<const std::string_view> words() const noexcept { return words_; }

  /// Bytes the request took, which the caller must not pass again.
  std::size_t consumed() const noexcept { return position_; }

  /// After `incomplete`: this many more bytes at least, at a guess not above what was announced.
  std::size_t missing() const noexcept { return missing_; }

  /// One sentence that begins with "Protocol error: ".
  const std::string& error() const noexcept { return error_; }

  /// Bytes of memory held beside the input: bounded by the number of words received.
  std::size_t memory() const noexcept { return words_.capacity() * sizeof(std::string_view) + unquoted_.capacity(); }

 private:
  enum class Phase : std::uint8_t { start, head, payload };

  Step array(std::string_view input);
  Step inline_line(std::string_view input);
  Step head(std::string_view input, std::int64_t& value, const char* complaint);
  Step unusual_head(std::string_view rest, std::int64_t& value, const char* complaint);
  Step finish();
  Step wait(std::size_t missing);
  Step complain(std::string text);
  void follow(const char* base);

  RequestLimits limits_;
  Phase phase_ = Phase::start;
  bool done_ = false;           // the last step was `request`: the next one begins anew
  const char* base_ = nullptr;  // where the input began that words_ point into
  std::size_t position_ = 0;    // offset in the input of what comes next
  std::int64_t words_left_ = 0;
  std::size_t bulk_length_ = 0;
  std::size_t missing_ = 0;
  std::vector<std::string_view> words_;
  std::string unquoted_;  // the words of an inline request
  std::string error_;
};

}  // namespace coworker::channel::resp
