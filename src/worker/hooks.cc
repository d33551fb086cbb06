#include "worker/hooks.h"

#include <fmt/format.h>

#include <exception>

#include "base/log.h"

namespace coworker::worker {

void log_thrown(const char* name) {
  try {
    throw;
  } catch (const std::exception& error) {
    log::error(fmt::format("a hook ({}) threw: {}", name, error.what()));
  } catch (...) {
    log::error(fmt::format("a hook ({}) threw something that is no std::exception", name));
  }
}

}  // namespace coworker::worker
