#include "base/check.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace coworker {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "coworker: bug: %s does not hold (%s:%d)\n", condition, file, line);
  std::fflush(stderr);
  void* frames[64];
  const int depth = ::backtrace(frames, 64);
  ::backtrace_symbols_fd(frames, depth, STDERR_FILENO);
  std::abort();
}

}  // namespace coworker
