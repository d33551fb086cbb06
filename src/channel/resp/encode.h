#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

/// RESP version 2, written. Each function appends one value, or the head of one, to `out`.
namespace coworker::channel::resp {

/// `+text`. Line breaks in `text` become spaces, since they would end the value.
void append_simple(std::string& out, std::string_view text);

/// `-text`; `text` begins with the code word: "NOJOB job is not known". Line breaks become spaces.
void append_error(std::string& out, std::string_view text);

void append_integer(std::string& out, std::int64_t value);
void append_bulk(std::string& out, std::string_view bytes);

/// The decimal digits of `value` as a bulk: how tokens and cursors travel.
void append_bulk_number(std::string& out, std::uint64_t value);

void append_null_bulk(std::string& out);
void append_null_array(std::string& out);

/// The head of an array; `count` values must follow.
void append_array(std::string& out, std::size_t count);

/// A request: an array of bulks.
void append_request(std::string& out, std::span<const std::string_view> words);
inline void append_request(std::string& out, std::initializer_list<std::string_view> words) {
  append_request(out, std::span<const std::string_view>{words.begin(), words.size()});
}

}  // namespace coworker::channel::resp
