#pragma once

#include <optional>
#include <string>

#include "async/task.h"
#include "net/rpc/directory.h"

namespace coworker::net::rpc {

/// Carries out a JSON-RPC 2.0 document: a request, a notification, or a batch of both. The answer in one line, without
/// its end; nullopt: there is none to notifications.
async::Task<std::optional<std::string>> answer_json(Directory& directory, std::string document, Caller& caller);

/// An answer to what could not be read.
std::string json_fault(const Fault& fault);

}  // namespace coworker::net::rpc
