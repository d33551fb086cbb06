#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "net/rpc/directory.h"

namespace coworker::net::rpc {

struct XmlCall {
  std::string method;
  Value::Array params;
};

/// Reads a methodCall. No entity beyond XML's own five is known and no document type is read, so nothing outside of the
/// text is ever looked at.
tl::expected<XmlCall, Fault> parse_xml_call(std::string_view document);

/// A methodResponse in one line, without its end.
std::string xml_response(const Outcome& outcome);

/// Carries out a methodCall.
async::Task<std::string> answer_xml(Directory& directory, std::string document, Caller& caller);

}  // namespace coworker::net::rpc
