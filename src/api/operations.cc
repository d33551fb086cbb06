#include <iterator>

#include "api/operation.h"
#include "api/value_json.h"
#include "api/view_json.h"
#include "base/build.h"

namespace coworker::api {
namespace {

using Answer = async::Task<Result<Value>>;

Answer shut_down(Backend& backend, Value::Array) {
  const Result<> begun = co_await backend.shutdown();
  if (!begun) co_return tl::unexpected{begun.error()};
  co_return Value{0};
}

Answer show_status(Backend& backend, Value::Array) {
  const Result<DaemonView> view = co_await backend.status();
  if (!view) co_return tl::unexpected{view.error()};
  co_return to_value(to_json(*view));
}

Answer show_version(Backend&, Value::Array) {
  co_return Value{version()};
}

Answer reload(Backend& backend, Value::Array) {
  const Result<Reloaded> reloaded = co_await backend.reload();
  if (!reloaded) co_return tl::unexpected{reloaded.error()};
  co_return to_value(to_json(*reloaded));
}

std::vector<Operation> all_operations() {
  std::vector<Operation> all;
  for (std::vector<Operation> (*part)() :
       {daemon_operations, worker_operations, queue_operations, job_operations, dead_operations}) {
    std::vector<Operation> some = part();
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace

std::vector<Operation> daemon_operations() {
  return {
      {"daemon.shutdown",
       "Stop the workers, then the daemon; 0 is answered before the stop begins",
       Access::operate,
       {{{Type::integer, {}}, shut_down}}},
      {"daemon.status", "Process, version, store and uptime", Access::look, {{{Type::map, {}}, show_status}}},
      {"daemon.version", "The version of the program", Access::look, {{{Type::text, {}}, show_version}}},
      {"daemon.reload",
       "Read the configuration again; whether it could be applied, and what waits for the next start",
       Access::operate,
       {{{Type::map, {}}, reload}}},
  };
}

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = all_operations();
  return all;
}

}  // namespace coworker::api
