#pragma once

#include "coworker/bootstrap.h"
#include "worker/hooks.h"

/// Hooks of a shared library, as coworker/bootstrap.h describes them.
namespace coworker::app {

/// How a job is shown to the library; valid while `job` is. It has no contact.
CwJob view_of(const worker::Job& job);

/// Each adds one; false where it cannot be.
bool add_library_hook(worker::Hooks& hooks, int when, CwHook hook, void* hook_context);
bool add_library_add_hook(worker::Hooks& hooks, int when, CwAddHook hook, void* hook_context);
bool add_library_strategy(worker::Hooks& hooks, const char* name, CwStrategy strategy, void* strategy_context);

}  // namespace coworker::app
