#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "channel/resp/encode.h"

namespace coworker::store::disque {

/// Builds one request word by word.
class RequestText {
 public:
  explicit RequestText(std::string_view command) { word(command); }

  RequestText& word(std::string_view text) {
    channel::resp::append_bulk(words_, text);
    ++count_;
    return *this;
  }
  RequestText& number(std::int64_t value) { return word(std::to_string(value)); }
  RequestText& unsigned_number(std::uint64_t value) { return word(std::to_string(value)); }
  RequestText& option(std::string_view name, std::int64_t value) { return word(name).number(value); }

  std::string take() const {
    std::string request;
    request.reserve(words_.size() + 16);
    channel::resp::append_array(request, count_);
    return request += words_;
  }

 private:
  std::string words_;
  std::size_t count_ = 0;
};

}  // namespace coworker::store::disque
