#include "api/backend.h"

namespace coworker::api {

std::string_view to_string(LoopState state) noexcept {
  switch (state) {
    case LoopState::spinup:
      return "spinup";
    case LoopState::looping:
      return "looping";
    case LoopState::paused:
      return "paused";
    case LoopState::spindown:
      return "spindown";
    case LoopState::exited:
      return "exited";
    case LoopState::backoff:
      return "backoff";
    case LoopState::fatal:
      return "fatal";
  }
  return "";
}

std::string_view to_string(WorkerKind kind) noexcept {
  switch (kind) {
    case WorkerKind::loop:
      return "loop";
    case WorkerKind::consumers:
      return "consumers";
    case WorkerKind::civi:
      return "civi";
  }
  return "";
}

}  // namespace coworker::api
