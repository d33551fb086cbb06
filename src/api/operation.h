#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/backend.h"
#include "coworker/methods.h"
#include "coworker/value.h"

namespace coworker::api {

enum class Access : std::uint8_t {
  look,     // changes nothing
  operate,  // changes what runs or what is stored
};

/// One way to call an operation. `run` gets as many arguments as the signature names, of its types.
struct Form {
  Signature signature;
  async::Task<Result<Value>> (*run)(Backend& backend, Value::Array arguments);
};

/// A management operation as others see it: its name in every protocol, what it takes and what it answers.
struct Operation {
  std::string name;  // "worker.pause"
  std::string help;  // one sentence
  Access access = Access::look;
  std::vector<Form> forms;
};

/// All of them: one table, put together of these.
const std::vector<Operation>& operations();

std::vector<Operation> daemon_operations();
std::vector<Operation> worker_operations();
std::vector<Operation> queue_operations();
std::vector<Operation> job_operations();
std::vector<Operation> dead_operations();

}  // namespace coworker::api
