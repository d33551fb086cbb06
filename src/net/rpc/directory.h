#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/operation.h"
#include "async/event.h"
#include "async/loop.h"
#include "async/threads.h"
#include "coworker/methods.h"
#include "net/rpc/arguments.h"
#include "net/rpc/fault.h"

namespace coworker::net::rpc {

enum class Protocol : std::uint8_t { json, xml };

/// Who calls: belongs to one connection.
struct Caller {
  std::string who;    // for the log
  std::string token;  // that must be named before anything else; empty: none
  api::Access access = api::Access::operate;
  bool authenticated = false;
  bool leaving = false;  // set when the connection is to end after the answer
};

/// Whether it may call anything.
bool is_admitted(const Caller& caller);

/// Holds what it names against its token; whether it may call from now on.
bool admit(Caller& caller, std::string_view token);

/// All methods that can be called, and the calling: the operations of the api table, those that speak of the methods
/// themselves (system.…), and a program's own.
///
/// Lives on its loop's thread. Own methods run on threads; at destruction those that still run are waited for.
class Directory {
 public:
  Directory(async::Loop& loop, api::Backend& backend);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// The program's own. A name that is taken stays what it is, with a warning.
  void add(const Methods& own);

  async::Task<Outcome> call(Protocol protocol, std::string name, Arguments arguments, Caller& caller);

  /// Calls of own methods that still run are answered as unavailable; the methods themselves go on.
  void abandon();

  /// After `abandon`: whether all own methods have returned within `limit`. Blocks. As long as one has not, this object
  /// cannot be destroyed.
  bool finish(Millis limit) { return threads_.wait_idle(limit); }

 private:
  using Run = std::function<async::Task<Outcome>(Value::Array)>;
  struct Form {
    Signature signature;
    Run run;
  };
  struct Method {
    std::string help;
    api::Access access = api::Access::look;
    bool is_logged = false;  // who called it
    std::vector<Form> forms;
  };
  struct Load;
  struct Waiting;

  void add_system();
  async::Task<Outcome> call_here(Protocol protocol, std::string name, Arguments arguments, Caller& caller);
  async::Task<Outcome> multicall(Arguments arguments, Caller& caller);
  async::Task<Outcome> run_own(std::shared_ptr<const Methods::Form> form, Value::Array arguments);
  const Method* find(const std::string& name) const;

  Outcome list() const;
  Outcome help(const std::string& name) const;
  Outcome signature(const std::string& name) const;

  async::Loop& loop_;
  api::Backend& backend_;
  std::map<std::string, Method> methods_;
  std::set<std::shared_ptr<Waiting>> waiting_;
  std::shared_ptr<Load> load_;
  bool abandoned_ = false;
  async::Threads threads_;  // last: ends first
};

}  // namespace coworker::net::rpc
