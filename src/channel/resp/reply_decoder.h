#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coworker::channel::resp {

/// One value of a reply. `text` points into the decoder's input.
struct Reply {
  enum class Type : std::uint8_t { simple, error, integer, bulk, null_bulk, array, null_array };

  Type type = Type::null_bulk;
  std::string_view text{};   // of simple, error and bulk
  std::int64_t integer = 0;  // of integer
  std::vector<Reply> elements{};

  bool is_error() const noexcept { return type == Type::error; }
  bool is_null() const noexcept { return type == Type::null_bulk || type == Type::null_array; }
  bool is_text() const noexcept { return type == Type::simple || type == Type::bulk; }

  /// The first word of an error: what a client acts on. "" when this is none.
  std::string_view error_code() const noexcept {
    return is_error() ? text.substr(0, text.find(' ')) : std::string_view{};
  }
};

struct ReplyLimits {
  std::size_t line = 64 * 1024;  // bytes of a simple string or an error
  std::int64_t bulk = 1024LL * 1024 * 1024;
  std::int64_t elements = 1024 * 1024;  // of one array
  std::size_t depth = 16;               // arrays within arrays
};

/// Decodes replies of all five types, arrays within arrays included, out of a growing buffer, without
/// copying texts.
///
/// The caller passes everything since the end of the last reply to `next`, each time: after `incomplete`
/// the same bytes and more, which may have moved. What was looked at is not looked at again.
///
/// Thread safety: none.
class ReplyDecoder {
 public:
  enum class Step {
    reply,       // reply() and consumed() tell
    incomplete,  // more bytes are needed
    malformed,   // error() tells; the stream cannot be read any further
  };

  explicit ReplyDecoder(ReplyLimits limits = {}) : limits_{limits} {}

  Step next(std::string_view input);

  /// Valid until the input changes or `next` is called.
  const Reply& reply() const noexcept { return root_; }

  /// Bytes the reply took, which the caller must not pass again.
  std::size_t consumed() const noexcept { return position_; }

  /// After `incomplete`: this many more bytes at least.
  std::size_t missing() const noexcept { return missing_; }

  const std::string& error() const noexcept { return error_; }

 private:
  struct Level {
    Reply* array;
    std::int64_t left;
  };

  Step value(std::string_view input, Reply& into);
  Step number(std::string_view line, std::int64_t& value);
  Step wait(std::size_t missing);
  Step complain(std::string text);

  ReplyLimits limits_;
  bool done_ = false;           // the last step was `reply`: the next one begins anew
  const char* base_ = nullptr;  // where the input began that texts point into
  std::size_t position_ = 0;
  std::size_t searched_ = 0;  // no line end before this offset
  std::size_t missing_ = 0;
  Reply root_;
  bool root_known_ = false;
  std::vector<Level> open_;  // the arrays around what comes next, outermost first
  std::string error_;
};

}  // namespace coworker::channel::resp
