#include "channel/resp/encode.h"

#include <charconv>

namespace coworker::channel::resp {
namespace {

template <class Integer>
void append_head(std::string& out, char type, Integer value) {
  char text[24];
  text[0] = type;
  char* end = std::to_chars(text + 1, text + sizeof text - 2, value).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text, end);
}

void append_line(std::string& out, char type, std::string_view text) {
  out.push_back(type);
  const std::size_t start = out.size();
  out.append(text);
  for (std::size_t i = start; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n') out[i] = ' ';
  }
  out.append("\r\n");
}

}  // namespace

void append_simple(std::string& out, std::string_view text) {
  append_line(out, '+', text);
}
void append_error(std::string& out, std::string_view text) {
  append_line(out, '-', text);
}
void append_integer(std::string& out, std::int64_t value) {
  append_head(out, ':', value);
}

void append_bulk(std::string& out, std::string_view bytes) {
  append_head(out, '$', bytes.size());
  out.append(bytes).append("\r\n");
}

void append_bulk_number(std::string& out, std::uint64_t value) {
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  append_bulk(out, std::string_view{digits, static_cast<std::size_t>(end - digits)});
}

void append_null_bulk(std::string& out) {
  out.append("$-1\r\n");
}
void append_null_array(std::string& out) {
  out.append("*-1\r\n");
}
void append_array(std::string& out, std::size_t count) {
  append_head(out, '*', count);
}

void append_request(std::string& out, std::span<const std::string_view> words) {
  append_array(out, words.size());
  for (const std::string_view word : words) append_bulk(out, word);
}

}  // namespace coworker::channel::resp
