#include "worker/registry.h"

#include <exception>

namespace coworker::worker {

Outcome call(const Handler& handler, const Job& job, const Contact& contact) {
  try {
    return handler(job, contact);
  } catch (const std::exception& error) {
    return Outcome::failed(error.what());
  } catch (...) {
    return Outcome::failed("the worker threw something that is no std::exception");
  }
}

}  // namespace coworker::worker
