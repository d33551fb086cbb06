#pragma once

#include <array>
#include <string>

#include "base/check.h"
#include "channel/resp/encode.h"
#include "job/command.h"

/// What the writers of replies share.
namespace coworker::net::resp {

/// The answer as the type the command promises.
template <class T>
const T& expect(const job::Answer& answer) {
  const T* value = std::get_if<T>(&answer);
  CW_CHECK(value != nullptr);
  return *value;
}

/// As a bulk of 40 characters.
inline void append_id(std::string& out, const job::JobId& id) {
  std::array<char, 40> text;
  job::write_id(id, text.data());
  channel::resp::append_bulk(out, {text.data(), text.size()});
}

}  // namespace coworker::net::resp
