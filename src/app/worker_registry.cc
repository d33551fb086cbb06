#include "app/worker_registry.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string>

#include "app/command.h"
#include "app/library_hooks.h"
#include "base/build.h"
#include "coworker/bootstrap.h"
#include "proc/program.h"
#include "service/run.h"
#include "worker/c_workers.h"
#include "worker/isolated_worker.h"

namespace coworker::app {
namespace {

constexpr const char* kUsualLibrary = "./coworker_bootstrap.so";

// ---- what a worker of the library calls back with -----------------------------------------------

void tell_done(void* context, const char* result, size_t length) {
  *static_cast<worker::Outcome*>(context) = worker::Outcome::ok(std::string{result, length});
}

void tell_failed(void* context, const char* reason, size_t length) {
  *static_cast<worker::Outcome*>(context) = worker::Outcome::failed(std::string{reason, length});
}

const worker::Contact& contact_of(void* contact) {
  return *static_cast<const worker::Contact*>(contact);
}

void tell_progress(void* contact, double fraction, const char* text, size_t length) {
  contact_of(contact).report(worker::Report{std::clamp(fraction, 0.0, 1.0), std::string{text, length}});
}

void tell_log(void* contact, const char* text, size_t length) {
  contact_of(contact).report(worker::log_line({text, length}));
}

int is_stopped(void* contact) {
  return contact_of(contact).stop.stop_requested() ? 1 : 0;
}

worker::Outcome call(CwWorker function, void* context, const worker::Job& job, const worker::Contact& contact) {
  CwJob view = view_of(job);
  view.contact = const_cast<worker::Contact*>(&contact);
  view.progress = tell_progress;
  view.log = tell_log;
  view.is_stopped = is_stopped;
  worker::Outcome outcome = worker::Outcome::ok();
  const CwOutcome answer{sizeof answer, &outcome, tell_done, tell_failed};
  function(context, &view, &answer);
  return outcome;
}

// ---- what a library registers -------------------------------------------------------------------

/// What the workers of a library have in common.
struct Library {
  worker::Registry* registry = nullptr;  // while it registers
  worker::Implementations* implementations = nullptr;
  std::mutex mutex;
  void* (*set_up)(void*) = nullptr;
  void* set_up_context = nullptr;
  bool is_set_up = false;
  void* environment = nullptr;
};

struct Made {
  CwWorker function = nullptr;
  void* context = nullptr;
};

/// What the context of a CwRegistry leads to.
using Shared = std::shared_ptr<Library>;

bool may_be_added(const Library& library, const char* name) {
  return library.registry != nullptr && name != nullptr && *name != '\0' && !library.registry->has(name);
}

int add_worker(void* context, const char* name, CwWorker function, void* worker_context) {
  Library& library = **static_cast<Shared*>(context);
  if (!may_be_added(library, name) || function == nullptr) return 1;
  library.registry->add(name, [function, worker_context](const worker::Job& job, const worker::Contact& contact) {
    return call(function, worker_context, job, contact);
  });
  return 0;
}

Result<Made> make(Library& library, Made& made, CwFactory factory, void* factory_context, const std::string& name) {
  const std::lock_guard lock{library.mutex};
  if (made.function != nullptr) return made;
  if (!library.is_set_up && library.set_up != nullptr) library.environment = library.set_up(library.set_up_context);
  library.is_set_up = true;
  Made fresh;
  const int code = factory(factory_context, library.environment, name.c_str(), &fresh.function, &fresh.context);
  if (code != 0 || fresh.function == nullptr) {
    return fail(Errc::internal, fmt::format("the factory of worker '{}' failed with code {}", name, code));
  }
  made = fresh;
  return fresh;
}

int add_factory(void* context, const char* name, CwFactory factory, void* factory_context) {
  const Shared library = *static_cast<Shared*>(context);
  if (!may_be_added(*library, name) || factory == nullptr) return 1;
  library->registry->add(name, [library, made = std::make_shared<Made>(), factory, factory_context,
                                own = std::string{name}](const worker::Job& job, const worker::Contact& contact) {
    const Result<Made> worker = make(*library, *made, factory, factory_context, own);
    if (!worker) return worker::Outcome::failed(worker.error().message());
    return call(worker->function, worker->context, job, contact);
  });
  return 0;
}

int set_environment(void* context, void* (*set_up)(void*), void* set_up_context) {
  Library& library = **static_cast<Shared*>(context);
  if (library.registry == nullptr || library.set_up != nullptr || set_up == nullptr) return 1;
  library.set_up = set_up;
  library.set_up_context = set_up_context;
  return 0;
}

template <class Make>
int add_channel_worker(void* context, const char* name, bool is_complete, Make&& make) {
  Library& library = **static_cast<Shared*>(context);
  if (library.implementations == nullptr || name == nullptr || *name == '\0' || !is_complete) return 1;
  return library.implementations->by_name.try_emplace(name, make()).second ? 0 : 1;
}

int add_raw(void* context, const char* name, CwRaw run, void* worker_context) {
  return add_channel_worker(context, name, run != nullptr, [&] { return worker::raw_in_c(run, worker_context); });
}

int add_evented(void* context, const char* name, const CwEvented* functions, void* worker_context) {
  const bool is_complete =
      functions != nullptr && functions->size > offsetof(CwEvented, on_message) && functions->on_message != nullptr;
  return add_channel_worker(context, name, is_complete,
                            [&] { return worker::evented_in_c(*functions, worker_context); });
}

int add_hook(void* context, int when, CwHook hook, void* hook_context) {
  const Library& library = **static_cast<Shared*>(context);
  if (library.registry == nullptr) return 1;
  return add_library_hook(library.registry->hooks(), when, hook, hook_context) ? 0 : 1;
}

int add_add_hook(void* context, int when, CwAddHook hook, void* hook_context) {
  const Library& library = **static_cast<Shared*>(context);
  if (library.registry == nullptr) return 1;
  return add_library_add_hook(library.registry->hooks(), when, hook, hook_context) ? 0 : 1;
}

int add_strategy(void* context, const char* name, CwStrategy strategy, void* strategy_context) {
  const Library& library = **static_cast<Shared*>(context);
  if (library.registry == nullptr) return 1;
  return add_library_strategy(library.registry->hooks(), name, strategy, strategy_context) ? 0 : 1;
}

int add_loop(void* context, const char* name, const CwLoopWorker* functions, void* worker_context,
             long long looptime_ms) {
  const Library& library = **static_cast<Shared*>(context);
  const bool is_complete =
      functions != nullptr && functions->size > offsetof(CwLoopWorker, loop) && functions->loop != nullptr;
  if (library.registry == nullptr || name == nullptr || *name == '\0' || !is_complete || looptime_ms < 1) return 1;
  return library.registry->add_loop(name, worker::loop_in_c(*functions, worker_context, Millis{looptime_ms})) ? 0 : 1;
}

Result<> load(const std::string& file, worker::Registry& registry, worker::Implementations& implementations) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(Errc::invalid_argument, fmt::format("load the workers: {}", ::dlerror()));
  const auto bootstrap = reinterpret_cast<decltype(&coworker_bootstrap_v1)>(::dlsym(library, "coworker_bootstrap_v1"));
  if (bootstrap == nullptr) {
    return fail(Errc::invalid_argument,
                fmt::format("load the workers: '{}' does not define coworker_bootstrap_v1", file));
  }
  Shared shared = std::make_shared<Library>();
  shared->registry = &registry;
  shared->implementations = &implementations;
  const CwRegistry view{sizeof view,  COWORKER_BOOTSTRAP_VERSION,
                        &shared,      add_worker,
                        add_factory,  set_environment,
                        add_raw,      add_evented,
                        add_hook,     add_add_hook,
                        add_strategy, add_loop};
  const int code = bootstrap(&view);
  shared->registry = nullptr;
  shared->implementations = nullptr;
  if (code == 0) return {};
  return fail(Errc::invalid_argument,
              fmt::format("load the workers: '{}' refused with code {} (this program's version of "
                          "the contract is {})",
                          file, code, COWORKER_BOOTSTRAP_VERSION));
}

}  // namespace

std::string bootstrap_library(const Settings& settings) {
  std::string file = settings.text({"bootstrap"});
  if (file.empty() && ::access(kUsualLibrary, F_OK) == 0) file = kUsualLibrary;
  if (file.empty()) return file;
  // A name without a slash would be looked for in the system's library folders.
  std::error_code ignored;
  return std::filesystem::absolute(file, ignored).string();
}

Result<> load_channel_workers(const std::string& library, worker::Implementations& into) {
  worker::Registry unused;
  return load(library, unused, into);
}

Result<worker::Registry> registry_with_bootstrap(const worker::Registry& own, const Settings& settings) {
  worker::Registry registry = own;
  const std::string file = bootstrap_library(settings);
  if (file.empty()) return registry;
  worker::Implementations unused;  // their processes load the library themselves
  if (Result<> loaded = load(file, registry, unused); !loaded) return tl::unexpected{std::move(loaded.error())};
  registry.set_library(file);
  return registry;
}

int run_isolated(std::span<char* const> words, const worker::Registry& own) {
  proc::name_process("cw-isolated");
  const std::string library = words[1];
  const std::string name = words[2];
  if (words[0] != build_id()) {
    return complain(Error{Errc::invalid_argument, "this process is another build than its consumer"});
  }
  worker::Registry registry = own;
  if (!library.empty()) {
    worker::Implementations unused;
    if (Result<> loaded = load(library, registry, unused); !loaded) return complain(loaded.error());
  }
  const worker::Handler* handler = registry.find(name);
  if (handler == nullptr) {
    return complain(Error{Errc::not_found, fmt::format("this program has no worker '{}'", name)});
  }
  return worker::run_isolated(*handler);
}

}  // namespace coworker::app
