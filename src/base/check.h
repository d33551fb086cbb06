#pragma once

namespace coworker {

/// Writes what was violated and a stack to standard error and aborts. For bugs only; never for input.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace coworker

/// A bug when false: the process stops, with a stack, in every build.
#define CW_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::coworker::check_failed(#condition, __FILE__, __LINE__))
