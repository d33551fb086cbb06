#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/rpc/http_request.h"

namespace coworker::net::rpc {

/// How a request came, and its answer goes:
///
///     line    a document without line breaks, LF or CRLF; the same back
///     frame   its size as four bytes, the most significant first, then the document
///     http    POST
///
/// A request shows by its first bytes which it is: a frame begins with a zero, since none is longer than 2^24 bytes;
/// HTTP with the name of one of its methods and a blank; all else is a line.
enum class Framing : std::uint8_t { line, frame, http };

struct Request {
  Framing framing = Framing::line;
  HttpRequest http;      // its document, too, of whatever framing
  bool is_last = false;  // too long: what follows cannot be told from it any more
};

/// Cuts what a client sends into requests. What comes out does not depend on how the stream was cut into pieces, except
/// that a head which is no HTTP may be refused sooner or later.
class RequestSplitter {
 public:
  static constexpr std::size_t kLongest = (std::size_t{1} << 24) - 1;

  /// `only_lines`: no other framing is looked for.
  RequestSplitter(std::size_t most_bytes, bool only_lines);

  void append(std::string_view part) { held_.append(part); }

  /// The next complete request, which may be empty; nullopt: more bytes are needed, or the last one was the last.
  std::optional<Request> next();

  /// Bytes of requests that are not complete.
  std::size_t pending() const noexcept { return held_.size() - begin_ + in_http_; }

  /// Whether an HTTP client waits for kHttpContinue; told once.
  bool wants_continue() { return http_ && http_->wants_continue(); }

 private:
  std::string_view rest() const { return std::string_view{held_}.substr(begin_); }
  void drop(std::size_t bytes);
  std::optional<Framing> framing() const;
  std::optional<Request> next_line();
  std::optional<Request> next_frame();
  std::optional<Request> next_http();
  Request refuse(Framing framing);

  std::size_t most_;
  bool only_lines_;
  bool over_ = false;
  std::string held_;
  std::size_t begin_ = 0;
  std::size_t looked_ = 0;  // of rest(): there is no end of a line before it
  std::optional<HttpReader> http_;
  std::size_t in_http_ = 0;  // bytes that the reader has
};

}  // namespace coworker::net::rpc
