#include "app/worker_registry.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "app/command.h"
#include "base/build.h"
#include "coworker/bootstrap.h"
#include "proc/program.h"
#include "service/run.h"
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

worker::Outcome call(CwWorker function, void* context, const worker::Job& job) {
  CwJob view{};
  view.size = sizeof view;
  view.id = job.id.c_str();
  view.queue = job.queue.c_str();
  view.queue_length = job.queue.size();
  view.body = job.body.c_str();
  view.body_length = job.body.size();
  view.metadata = job.metadata.c_str();
  view.metadata_length = job.metadata.size();
  view.attempt = job.attempt;
  worker::Outcome outcome = worker::Outcome::ok();
  const CwOutcome answer{sizeof answer, &outcome, tell_done, tell_failed};
  function(context, &view, &answer);
  return outcome;
}

int add_worker(void* context, const char* name, CwWorker function, void* worker_context) {
  auto& registry = *static_cast<worker::Registry*>(context);
  if (name == nullptr || *name == '\0' || function == nullptr || registry.find(name) != nullptr) return 1;
  registry.add(name, [function, worker_context](const worker::Job& job, const worker::Contact&) {
    return call(function, worker_context, job);
  });
  return 0;
}

Result<> load(const std::string& file, worker::Registry& registry) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(Errc::invalid_argument, fmt::format("load the workers: {}", ::dlerror()));
  const auto bootstrap = reinterpret_cast<decltype(&coworker_bootstrap_v1)>(::dlsym(library, "coworker_bootstrap_v1"));
  if (bootstrap == nullptr) {
    return fail(Errc::invalid_argument,
                fmt::format("load the workers: '{}' does not define coworker_bootstrap_v1", file));
  }
  const CwRegistry view{sizeof view, COWORKER_BOOTSTRAP_VERSION, &registry, add_worker};
  const int code = bootstrap(&view);
  if (code == 0) return {};
  return fail(Errc::invalid_argument,
              fmt::format("load the workers: '{}' refused with code {} (this program's version of "
                          "the contract is {})",
                          file, code, COWORKER_BOOTSTRAP_VERSION));
}

}  // namespace

Result<worker::Registry> registry_with_bootstrap(const worker::Registry& own, const Settings& settings) {
  worker::Registry registry = own;
  std::string file = settings.text({"bootstrap"});
  if (file.empty() && ::access(kUsualLibrary, F_OK) == 0) file = kUsualLibrary;
  if (file.empty()) return registry;
  // A name without a slash would be looked for in the system's library folders.
  if (file.find('/') == std::string::npos) file = "./" + file;
  if (Result<> loaded = load(file, registry); !loaded) return tl::unexpected{std::move(loaded.error())};
  std::error_code ignored;
  registry.set_library(std::filesystem::absolute(file, ignored).string());
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
    if (Result<> loaded = load(library, registry); !loaded) return complain(loaded.error());
  }
  const worker::Handler* handler = registry.find(name);
  if (handler == nullptr) {
    return complain(Error{Errc::not_found, fmt::format("this program has no worker '{}'", name)});
  }
  return worker::run_isolated(*handler);
}

}  // namespace coworker::app
