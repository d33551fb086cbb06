#include "net/rpc/request_splitter.h"

#include <array>

namespace coworker::net::rpc {
namespace {

constexpr std::size_t kKeptCapacity = 64 * 1024;
constexpr std::size_t kFrameHead = 4;
constexpr unsigned kTooLarge = 413;

constexpr std::array<std::string_view, 7> kMethods{"POST ", "GET ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH "};

}  // namespace

RequestSplitter::RequestSplitter(std::size_t most_bytes, bool only_lines)
    : most_{std::min(most_bytes, kLongest)}, only_lines_{only_lines} {}

void RequestSplitter::drop(std::size_t bytes) {
  begin_ += bytes;
  looked_ = 0;
  if (begin_ == held_.size()) {
    held_.clear();
    begin_ = 0;
    if (held_.capacity() > kKeptCapacity) held_ = std::string{};
  } else if (begin_ > kKeptCapacity && begin_ > held_.size() / 2) {
    held_.erase(0, begin_);
    begin_ = 0;
  }
}

/// nullopt: a few more bytes will tell.
std::optional<Framing> RequestSplitter::framing() const {
  const std::string_view bytes = rest();
  if (only_lines_) return Framing::line;
  if (bytes.front() == '\0') return Framing::frame;
  for (const std::string_view method : kMethods) {
    if (bytes.starts_with(method)) return Framing::http;
    if (method.starts_with(bytes)) return std::nullopt;
  }
  return Framing::line;
}

std::optional<Request> RequestSplitter::next() {
  if (over_) return std::nullopt;
  if (http_) return next_http();
  if (rest().empty()) return std::nullopt;
  const std::optional<Framing> found = framing();
  if (!found) return std::nullopt;
  switch (*found) {
    case Framing::frame:
      return next_frame();
    case Framing::http:
      http_.emplace(most_);
      return next_http();
    case Framing::line:
      break;
  }
  return next_line();
}

Request RequestSplitter::refuse(Framing framing) {
  over_ = true;
  drop(rest().size());
  Request request;
  request.framing = framing;
  request.http.refusal = kTooLarge;
  request.is_last = true;
  return request;
}

std::optional<Request> RequestSplitter::next_line() {
  const std::string_view bytes = rest();
  const std::size_t end = bytes.find('\n', looked_);
  if (end == std::string_view::npos) {
    looked_ = bytes.size();
    if (bytes.size() > most_) return refuse(Framing::line);
    return std::nullopt;
  }
  if (end > most_) return refuse(Framing::line);
  Request request;
  request.http.document = bytes.substr(0, end);
  if (request.http.document.ends_with('\r')) request.http.document.pop_back();
  drop(end + 1);
  return request;
}

std::optional<Request> RequestSplitter::next_frame() {
  const std::string_view bytes = rest();
  if (bytes.size() < kFrameHead) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < kFrameHead; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (size > most_) return refuse(Framing::frame);
  if (bytes.size() - kFrameHead < size) return std::nullopt;
  Request request;
  request.framing = Framing::frame;
  request.http.document = bytes.substr(kFrameHead, size);
  drop(kFrameHead + size);
  return request;
}

std::optional<Request> RequestSplitter::next_http() {
  const std::size_t used = http_->feed(rest());
  in_http_ += used;
  drop(used);
  std::optional<HttpRequest> complete = http_->take();
  // Headers are held back until they are whole.
  if (!complete) return std::nullopt;
  Request request;
  request.framing = Framing::http;
  request.http = std::move(*complete);
  request.is_last = !request.http.keeps_alive;
  over_ = request.is_last;
  if (over_) drop(rest().size());
  http_.reset();
  in_http_ = 0;
  return request;
}

}  // namespace coworker::net::rpc
