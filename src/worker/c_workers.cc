#include "worker/c_workers.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>

namespace coworker::worker {
namespace {

std::string text_of(const char* text) {
  return text == nullptr ? std::string{} : std::string{text};
}

int code_of(bool is_done) {
  return is_done ? 0 : 1;
}

// ---- messages -----------------------------------------------------------------------------------

Message& message_of(void* handle) {
  return *static_cast<Message*>(handle);
}

CwMessage view_of(Message& message) {
  CwMessage view{};
  view.size = sizeof view;
  view.body = message.body().c_str();
  view.length = message.body().size();
  view.handle = &message;
  view.reply = [](void* handle, const char* json, size_t length) {
    return code_of(message_of(handle).reply({json, length}));
  };
  view.progress = [](void* handle, const char* json, size_t length) {
    return code_of(message_of(handle).progress({json, length}));
  };
  view.fail = [](void* handle, const char* code, const char* text) {
    return code_of(message_of(handle).fail(text_of(code), text_of(text)));
  };
  view.is_cancelled = [](void* handle) { return message_of(handle).is_cancelled() ? 1 : 0; };
  view.keep = [](void* handle) -> void* { return new Message{message_of(handle)}; };
  view.release = [](void* kept) { delete static_cast<Message*>(kept); };
  return view;
}

// ---- evented ------------------------------------------------------------------------------------

Loop& loop_of(void* handle) {
  return *static_cast<Loop*>(handle);
}

CwLoop view_of(Loop& loop) {
  CwLoop view{};
  view.size = sizeof view;
  view.handle = &loop;
  view.after = [](void* handle, unsigned delay, void (*call)(void*), void* self) -> unsigned long long {
    return loop_of(handle).after(std::chrono::milliseconds{delay}, [call, self] { call(self); });
  };
  view.every = [](void* handle, unsigned period, void (*call)(void*), void* self) -> unsigned long long {
    return loop_of(handle).every(std::chrono::milliseconds{period}, [call, self] { call(self); });
  };
  view.when_readable = [](void* handle, int fd, void (*call)(void*), void* self) -> unsigned long long {
    return loop_of(handle).when_readable(fd, [call, self] { call(self); });
  };
  view.cancel = [](void* handle, unsigned long long id) { loop_of(handle).cancel(id); };
  view.stop = [](void* handle) { loop_of(handle).stop(); };
  view.stop_listening = [](void* handle) { loop_of(handle).stop_listening(); };
  return view;
}

/// A master, with what C is shown of it.
struct Master {
  explicit Master(Connection& to) : connection{to} {
    const Peer& peer = connection.peer();
    view.size = sizeof view;
    view.handle = &connection;
    view.address = peer.address.c_str();
    view.certificate = peer.certificate.c_str();
    view.pid = peer.pid.value_or(-1);
    view.user = peer.user ? static_cast<long>(*peer.user) : -1;
    view.send = [](void* handle, const char* json, size_t length) {
      return code_of(static_cast<Connection*>(handle)->send({json, length}));
    };
    view.close = [](void* handle) { static_cast<Connection*>(handle)->close(); };
  }
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  Connection connection;
  CwConnection view{};
};

std::optional<double> number_of(double value) {
  return std::isnan(value) ? std::nullopt : std::optional{value};
}

class EventedInC : public EventedWorker {
 public:
  EventedInC(const CwEvented& functions, void* context, std::string arguments)
      : functions_{functions}, self_{context}, arguments_{std::move(arguments)} {}

  void set_loop(Loop& loop) override { loop_ = view_of(loop); }
  void initialize() override {
    if (functions_.create == nullptr) return;
    self_ = functions_.create(self_, arguments_.c_str(), &loop_);
    if (self_ == nullptr) throw std::runtime_error{"the worker's library could not make it"};
  }
  void on_connect(Connection& connection) override {
    const auto [place, is_new] = masters_.try_emplace(connection.id(), connection);
    if (functions_.on_connect != nullptr) functions_.on_connect(self_, &place->second.view);
  }
  void on_message(Message& message, Connection& connection) override {
    const CwMessage view = view_of(message);
    functions_.on_message(self_, &view, &masters_.at(connection.id()).view);
  }
  void on_disconnect(Connection& connection) override {
    const auto master = masters_.find(connection.id());
    if (master == masters_.end()) return;
    if (functions_.on_disconnect != nullptr) functions_.on_disconnect(self_, &master->second.view);
    masters_.erase(master);
  }
  Status on_query(bool is_privileged) override {
    Status status;
    CwStatus view{};
    view.size = sizeof view;
    view.context = &status;
    view.text = [](void* context, const char* text) { static_cast<Status*>(context)->text = text_of(text); };
    view.counter = [](void* context, const char* name, double value, const char* unit, double min, double max) {
      static_cast<Status*>(context)->counters.push_back(
          {text_of(name), number_of(value), text_of(unit), number_of(min), number_of(max)});
    };
    if (functions_.on_query != nullptr) functions_.on_query(self_, is_privileged ? 1 : 0, &view);
    return status;
  }
  void on_stop() override {
    if (functions_.on_stop != nullptr) functions_.on_stop(self_);
  }
  void terminate() override {
    if (functions_.destroy != nullptr) functions_.destroy(self_);
  }

 private:
  CwEvented functions_;
  void* self_;
  std::string arguments_;
  CwLoop loop_{};
  std::map<std::uintptr_t, Master> masters_;
};

// ---- raw ----------------------------------------------------------------------------------------

/// What the handle of a CwChannel leads to.
struct RawState {
  Channel& channel;
  std::optional<Message> message{};
  CwMessage view{};
};

int receive(void* handle, long milliseconds, const CwMessage** message) {
  auto& state = *static_cast<RawState*>(handle);
  state.message.reset();
  const Answer<Message> got =
      state.channel.receive(milliseconds < 0 ? kForever : std::chrono::milliseconds{milliseconds});
  if (got) {
    state.message = *got;
    state.view = view_of(*state.message);
    *message = &state.view;
    return 0;
  }
  return got.trouble() == Trouble::timed_out ? 1 : got.trouble() == Trouble::closed ? 2 : 3;
}

class RawInC : public RawWorker {
 public:
  RawInC(CwRaw run, void* context, std::string arguments)
      : run_{run}, context_{context}, arguments_{std::move(arguments)} {}

  void run(Channel& channel) override {
    RawState state{channel};
    CwChannel view{};
    view.size = sizeof view;
    view.handle = &state;
    view.receive = receive;
    view.send = [](void* handle, const char* json, size_t length) {
      return code_of(static_cast<bool>(static_cast<RawState*>(handle)->channel.send({json, length})));
    };
    run_(context_, arguments_.c_str(), &view);
  }

 private:
  CwRaw run_;
  void* context_;
  std::string arguments_;
};

}  // namespace

Implementation raw_in_c(CwRaw run, void* context) {
  return {[run, context](const std::string& arguments) { return std::make_unique<RawInC>(run, context, arguments); },
          {}};
}

Implementation evented_in_c(const CwEvented& functions, void* context) {
  // A library of an older version knows fewer members.
  CwEvented known{};
  std::memcpy(&known, &functions, std::min(functions.size, sizeof known));
  return {{}, [known, context](const std::string& arguments) {
            return std::make_unique<EventedInC>(known, context, arguments);
          }};
}

}  // namespace coworker::worker
