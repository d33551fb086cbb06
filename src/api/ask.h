#pragma once

#include <functional>
#include <string>
#include <utility>
#include <variant>

#include "api/backend.h"

namespace coworker::api {

/// Asks the store; an answer of another kind says that there is no such thing.
template <class T>
async::Task<Result<T>> ask_for(Backend& backend, job::Command command) {
  Result<job::Answer> answer = co_await backend.ask(std::move(command));
  if (!answer) co_return tl::unexpected{std::move(answer.error())};
  if (T* value = std::get_if<T>(&*answer)) co_return std::move(*value);
  co_return fail(Errc::not_found, "there is no such thing in the store");
}

}  // namespace coworker::api
