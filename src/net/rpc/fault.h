#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

#include "base/error.h"
#include "coworker/value.h"

/// What a call that fails is told, in both protocols: the codes of the interoperability list, which JSON-RPC shares.
namespace coworker::net::rpc {

inline constexpr int kParseError = -32700;
inline constexpr int kEncoding = -32701;   // one that is not read here
inline constexpr int kCharacter = -32702;  // not of its encoding
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternal = -32603;
inline constexpr int kTooMany = -32000;  // connections
inline constexpr int kConflict = -32001;
inline constexpr int kExhausted = -32002;
inline constexpr int kUnavailable = -32003;
inline constexpr int kDenied = -32004;
inline constexpr int kNoMulticall = -31000;  // of a protocol that has batches
inline constexpr int kNestedMulticall = -31001;

/// What one document may ask for.
inline constexpr std::size_t kMostCalls = 1'000;  // in a batch
inline constexpr std::size_t kDeepest = 64;       // arrays and structs within each other

struct Fault {
  int code = kInternal;
  std::string text;
};

using Outcome = tl::expected<Value, Fault>;

inline tl::unexpected<Fault> fault(int code, std::string text) {
  return tl::unexpected<Fault>{Fault{code, std::move(text)}};
}

/// The one mapping of our own errors.
inline Fault fault_of(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::not_found:
      return {kInvalidParams, "invalid params: " + error.message()};
    case Errc::conflict:
      return {kConflict, error.message()};
    case Errc::resource_exhausted:
      return {kExhausted, error.message()};
    case Errc::unavailable:
      return {kUnavailable, error.message()};
    case Errc::denied:
      return {kDenied, error.message()};
    case Errc::corrupt:
    case Errc::internal:
      break;
  }
  return {kInternal, "internal error: " + error.message()};
}

}  // namespace coworker::net::rpc
