#include "net/rpc/directory.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <exception>

#include "base/log.h"

namespace coworker::net::rpc {
namespace {

constexpr std::size_t kMostThreads = 64;
constexpr std::string_view kAuthenticate = "system.authenticate";
constexpr std::string_view kMulticall = "system.multicall";

/// Takes as long for a wrong text as for the right one.
bool is_equal(std::string_view given, std::string_view wanted) {
  unsigned difference = given.size() == wanted.size() ? 0u : 1u;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^
                  static_cast<unsigned>(static_cast<unsigned char>(wanted.empty() ? '\0' : wanted[i % wanted.size()]));
  }
  return difference == 0;
}

Value capability(const char* url, int version) {
  return Value::Map{{"specUrl", url}, {"specVersion", version}};
}

Outcome capabilities() {
  return Value{Value::Map{
      {"xmlrpc", capability("http://www.xmlrpc.com/spec", 1)},
      {"system.multicall", capability("http://www.xmlrpc.com/discuss/msgReader$1208", 1)},
      {"introspection", capability("http://phpxmlrpc.sourceforge.net/doc-2/ch10.html", 2)},
      {"nil", capability("http://www.ontosys.com/xml-rpc/extensions.php", 1)},
      {"faults_interop", capability("http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", 20010516)},
      {"json-rpc", capability("http://www.jsonrpc.org/specification", 2)},
  }};
}

async::Task<Outcome> call_operation(api::Backend* backend, decltype(api::Form::run) run, Value::Array arguments) {
  Result<Value> result = co_await run(*backend, std::move(arguments));
  if (!result) co_return tl::unexpected{fault_of(result.error())};
  co_return std::move(*result);
}

/// What own methods throw is told only where they mean it to be.
Outcome run_guarded(const Methods::Form& form, Value::Array arguments) {
  try {
    return form.run(std::move(arguments));
  } catch (const MethodFault& thrown) {
    return fault(thrown.code(), thrown.what());
  } catch (const WrongArgument&) {
    return fault(kInvalidParams, "invalid params: a value is of another type, or out of range");
  } catch (const std::exception& thrown) {
    log::error(fmt::format("a method of the control socket failed: {}", thrown.what()));
  } catch (...) {
    log::error("a method of the control socket failed");
  }
  return fault(kInternal, "internal error");
}

async::Task<Outcome> run_here(std::shared_ptr<const Methods::Form> form, Value::Array arguments) {
  co_return run_guarded(*form, std::move(arguments));
}

Value flat(const Signature& signature) {
  Value::Array types{Value{to_string(signature.result)}};
  for (const Parameter& parameter : signature.parameters) types.emplace_back(to_string(parameter.type));
  return types;
}

tl::unexpected<Fault> unknown(const std::string& name) {
  return fault(kMethodNotFound, fmt::format("method not found: '{}'", name));
}

}  // namespace

/// How many own methods run on threads. Outlives the directory while they do.
struct Directory::Load {
  explicit Load(async::Loop& loop) : freed{loop.get_executor()} {}

  std::size_t running = 0;
  async::Event freed;
};

/// A call whose method runs on a thread. Shared with that thread, which may be the last to let go.
struct Directory::Waiting {
  explicit Waiting(async::Loop& loop) : done{loop.get_executor()} {}

  async::Event done;
  Outcome outcome;
};

bool is_admitted(const Caller& caller) {
  return caller.authenticated || caller.token.empty();
}

bool admit(Caller& caller, std::string_view token) {
  caller.authenticated = caller.token.empty() || is_equal(token, caller.token);
  return caller.authenticated;
}

Directory::Directory(async::Loop& loop, api::Backend& backend)
    : loop_{loop}, backend_{backend}, load_{std::make_shared<Load>(loop)} {
  for (const api::Operation& operation : api::operations()) {
    Method& method = methods_[operation.name];
    method.help = operation.help;
    method.access = operation.access;
    method.is_logged = operation.access == api::Access::operate;
    for (const api::Form& form : operation.forms) {
      method.forms.push_back({form.signature, [backend = &backend_, run = form.run](Value::Array arguments) {
                                return call_operation(backend, run, std::move(arguments));
                              }});
    }
  }
  add_system();
}

Directory::~Directory() = default;

/// Their forms are only for those who ask; call_here answers them.
void Directory::add_system() {
  const Parameter name{"method", Type::text};
  const auto add = [this](std::string_view method, const char* help, Signature signature) {
    methods_[std::string{method}] = {help, api::Access::look, false, {{std::move(signature), {}}}};
  };
  add("system.listMethods", "The names of all methods", {Type::array, {}});
  add("system.methodHelp", "What a method does", {Type::text, {name}});
  add("system.methodSignature",
      "The type a method returns, then those it takes; an array of these where it has several", {Type::array, {name}});
  add("system.getCapabilities", "The specifications that are kept", {Type::map, {}});
  add(kMulticall, "Several calls at once, each a struct of methodName and params; not for JSON-RPC, which has batches",
      {Type::array, {{"calls", Type::array}}});
  add(kAuthenticate, "Name the token of this address, where it wants one, before anything else",
      {Type::boolean, {{"token", Type::text}}});
}

void Directory::add(const Methods& own) {
  for (const Methods::Method& each : own.all()) {
    if (methods_.contains(each.name)) {
      log::warning(fmt::format("there is a method '{}' already; the other one is not added", each.name));
      continue;
    }
    Method& method = methods_[each.name];
    method.help = each.help;
    method.access = api::Access::operate;
    for (const Methods::Form& form : each.forms) {
      auto shared = std::make_shared<const Methods::Form>(form);
      Run run = [shared](Value::Array arguments) { return run_here(shared, std::move(arguments)); };
      if (!each.at_once) {
        run = [this, shared](Value::Array arguments) { return run_own(shared, std::move(arguments)); };
      }
      method.forms.push_back({form.signature, std::move(run)});
    }
  }
}

const Directory::Method* Directory::find(const std::string& name) const {
  const auto found = methods_.find(name);
  return found == methods_.end() ? nullptr : &found->second;
}

async::Task<Outcome> Directory::call(Protocol protocol, std::string name, Arguments arguments, Caller& caller) {
  if (name == kAuthenticate) {
    const auto given = fit(arguments, find(name)->forms.front().signature);
    if (!given) co_return fault(kInvalidParams, "invalid params: the token, as a string");
    if (admit(caller, *given->front().get<std::string>())) co_return Value{true};
    caller.leaving = true;
    co_return fault(kDenied, "this is not the token");
  }
  if (!is_admitted(caller)) {
    co_return fault(kDenied,
                    "this address wants its token first: --token-file, system.authenticate, or Authorization: Bearer");
  }
  if (name == kMulticall) {
    if (protocol == Protocol::json) co_return fault(kNoMulticall, "system.multicall is not for JSON-RPC: send a batch");
    Outcome outcome = co_await multicall(std::move(arguments), caller);
    co_return outcome;
  }
  Outcome outcome = co_await call_here(protocol, std::move(name), std::move(arguments), caller);
  co_return outcome;
}

async::Task<Outcome> Directory::call_here(Protocol, std::string name, Arguments arguments, Caller& caller) {
  const Method* method = find(name);
  if (method == nullptr) co_return unknown(name);
  if (method->access == api::Access::operate && caller.access == api::Access::look) {
    co_return fault(kDenied, fmt::format("'{}' changes something; this address is for looking only", name));
  }
  for (const Form& form : method->forms) {
    std::optional<Value::Array> fitted = fit(arguments, form.signature);
    if (!fitted) continue;
    if (name == "system.listMethods") co_return list();
    if (name == "system.getCapabilities") co_return capabilities();
    if (name == "system.methodHelp") co_return help(*fitted->front().get<std::string>());
    if (name == "system.methodSignature") co_return signature(*fitted->front().get<std::string>());
    if (method->is_logged) log::info(fmt::format("{} by {}", name, caller.who));
    if (name == "daemon.shutdown") caller.leaving = true;
    Outcome outcome = co_await form.run(std::move(*fitted));
    co_return outcome;
  }
  co_return fault(kInvalidParams, fmt::format("invalid params: '{}' does not take {}; see system.methodSignature", name,
                                              types_of(arguments)));
}

/// Each result in an array of its own, so that it cannot be mistaken for a fault.
async::Task<Outcome> Directory::multicall(Arguments arguments, Caller& caller) {
  const std::optional<Value::Array> fitted = fit(arguments, find(std::string{kMulticall})->forms.front().signature);
  if (!fitted) co_return fault(kInvalidParams, "invalid params: an array of structs of methodName and params");
  const Value::Array& calls = *fitted->front().get<Value::Array>();
  if (calls.size() > kMostCalls) co_return fault(kInvalidParams, "invalid params: more than 1000 calls");
  Value::Array results;
  for (const Value& each : calls) {
    const Value::Map* call = each.get<Value::Map>();
    const auto name_at = call != nullptr ? call->find("methodName") : Value::Map::const_iterator{};
    const auto params_at = call != nullptr ? call->find("params") : Value::Map::const_iterator{};
    const std::string* name = call != nullptr && name_at != call->end() ? name_at->second.get<std::string>() : nullptr;
    const Value::Array* params =
        call != nullptr && params_at != call->end() ? params_at->second.get<Value::Array>() : nullptr;
    Outcome outcome = fault(kInvalidRequest, "invalid request: not a struct of methodName and params");
    if (name != nullptr && params != nullptr) {
      Arguments passed;
      passed.positional = *params;
      if (*name == kMulticall) {
        outcome = fault(kNestedMulticall, "system.multicall cannot be called by itself");
      } else {
        outcome = co_await call_here(Protocol::xml, *name, std::move(passed), caller);
      }
    }
    if (outcome) {
      results.emplace_back(Value::Array{std::move(*outcome)});
    } else {
      results.emplace_back(
          Value::Map{{"faultCode", outcome.error().code}, {"faultString", std::move(outcome.error().text)}});
    }
  }
  co_return Value{std::move(results)};
}

async::Task<Outcome> Directory::run_own(std::shared_ptr<const Methods::Form> form, Value::Array arguments) {
  while (load_->running >= kMostThreads && !abandoned_) {
    load_->freed.reset();
    co_await load_->freed.wait();
  }
  if (abandoned_) co_return fault(kUnavailable, "the daemon stops");
  ++load_->running;
  auto waiting = std::make_shared<Waiting>(loop_);
  waiting_.insert(waiting);
  threads_.run(
      [loop = &loop_, load = load_, waiting, form = std::move(form), arguments = std::move(arguments)]() mutable {
        Outcome outcome = run_guarded(*form, std::move(arguments));
        boost::asio::post(*loop, [load, waiting, outcome = std::move(outcome)]() mutable {
          --load->running;
          load->freed.set();
          waiting->outcome = std::move(outcome);
          waiting->done.set();
        });
      });
  waiting->outcome = fault(kUnavailable, "the daemon stops");
  co_await waiting->done.wait();
  waiting_.erase(waiting);
  co_return std::move(waiting->outcome);
}

void Directory::abandon() {
  abandoned_ = true;
  load_->freed.set();
  for (const auto& waiting : waiting_) waiting->done.set();
}

Outcome Directory::list() const {
  Value::Array names;
  for (const auto& [name, method] : methods_) names.emplace_back(name);
  return Value{std::move(names)};
}

Outcome Directory::help(const std::string& name) const {
  const Method* method = find(name);
  if (method == nullptr) return unknown(name);
  return Value{method->help};
}

Outcome Directory::signature(const std::string& name) const {
  const Method* method = find(name);
  if (method == nullptr) return unknown(name);
  if (method->forms.size() == 1) return flat(method->forms.front().signature);
  Value::Array all;
  for (const Form& form : method->forms) all.push_back(flat(form.signature));
  return Value{std::move(all)};
}

}  // namespace coworker::net::rpc
