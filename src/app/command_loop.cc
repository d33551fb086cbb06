#include <fmt/format.h>

#include "app/command.h"
#include "app/configuration.h"
#include "app/worker_registry.h"
#include "base/build.h"
#include "base/file.h"
#include "base/log.h"
#include "worker/loop_main.h"

namespace coworker::app {
namespace {

Result<worker::LoopSpec> read_spec() {
  const Fd file{worker::kLoopSpecFd};
  const Result<std::string> text = read_all(file.get());
  if (!text) return fail(Errc::invalid_argument, "this command is for coworker's own use");
  Result<worker::LoopSpec> spec = worker::parse_loop_spec(*text);
  if (spec && spec->build != build_id()) {
    return fail(Errc::invalid_argument, "this loop worker is another build than its supervisor");
  }
  return spec;
}

/// What stands in a shared library is only there once that is loaded.
Result<worker::Registry> registry_for(const worker::LoopSpec& spec, const worker::Registry& own) {
  if (spec.kind != worker::LoopKind::inline_worker || own.find_loop(spec.worker) != nullptr) return own;
  const Result<Configuration> configuration = load_configuration({"/dev/null"}, {});
  if (!configuration) return tl::unexpected{configuration.error()};
  return registry_with_bootstrap(own, configuration->settings);
}

}  // namespace

int run_loop_worker(const worker::Registry& own) {
  const Result<worker::LoopSpec> spec = read_spec();
  if (!spec) return complain(spec.error());
  // Who runs as another user may not be allowed to write to the log's file; then it goes to standard error.
  const Result<> logged = log::configure(spec->log);
  log::set_role(spec->logger);
  if (!logged) log::warning(logged.error().message());
  const Result<worker::Registry> registry = registry_for(*spec, own);
  if (!registry) return complain(registry.error());
  return worker::loop_main(*spec, *registry);
}

}  // namespace coworker::app
