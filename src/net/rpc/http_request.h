#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coworker::net::rpc {

/// An HTTP request that carries a document.
struct HttpRequest {
  unsigned refusal = 0;  // the status to refuse it with; 0: it is fine
  bool keeps_alive = false;
  std::string token;  // of "Authorization: Bearer"
  std::string document;
};

/// Reads one HTTP/1 request from a stream.
class HttpReader {
 public:
  explicit HttpReader(std::size_t most_bytes);
  ~HttpReader();
  HttpReader(HttpReader&&) noexcept;
  HttpReader& operator=(HttpReader&&) noexcept;

  /// How many of the bytes were used up; the rest belongs to what follows. After the request is complete it uses none.
  std::size_t feed(std::string_view bytes);

  /// Once it is complete, or cannot become so.
  std::optional<HttpRequest> take();

  /// Whether the client waits for a word before it sends the document; told once.
  bool wants_continue();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The whole of a response; without a document for those that have none.
std::string http_response(unsigned status, std::string_view content_type, std::string_view document, bool keeps_alive);

inline constexpr std::string_view kHttpContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace coworker::net::rpc
