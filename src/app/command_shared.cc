#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "app/command_list.h"
#include "app/output.h"
#include "app/shared_profile.h"
#include "app/store_session.h"
#include "channel/address.h"
#include "worker/kill_switch.h"
#include "worker/shared_socket.h"

namespace coworker::app {
namespace {

using worker::KillSwitch;
using worker::Switched;

Result<KillSwitch> switch_of(const Arguments& arguments) {
  if (const auto file = arguments.text("file")) return KillSwitch{*file};
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{configuration.error()};
  const std::string path = configuration->settings.text({"kill_switch"});
  if (!path.empty()) return KillSwitch{path};
  return fail(Errc::invalid_argument,
              "there is no kill switch: name its file with --file, COWORKER_KILL_SWITCH, or kill_switch: in the "
              "configuration");
}

void show(const KillSwitch& kill_switch, const Switched& switched, bool as_json) {
  if (as_json) {
    boost::json::array addresses;
    for (const std::string& address : switched.addresses) addresses.emplace_back(json_text(address));
    print_json(boost::json::object{{"file", json_text(kill_switch.path())},
                                   {"global", switched.global},
                                   {"work", switched.work},
                                   {"addresses", std::move(addresses)}});
    return;
  }
  print_line(fmt::format("shared workers  {}", switched.global ? "none may start" : "may start"));
  for (const std::string& address : switched.addresses)
    print_line(fmt::format("                but not {}", printable(address)));
  print_line(fmt::format("other work      {}", switched.work ? "nothing new begins" : "goes on"));
}

/// What `shared disable` and `shared enable` were asked to switch; an error where that is unclear.
struct Wish {
  bool all = false;
  bool global = false;
  bool work = false;
  std::vector<std::string> addresses;
};

/// As workers call themselves; a name of the configuration does as well.
Result<std::string> address_of(const Settings& settings, const std::string& given) {
  std::string text = given;
  if (!channel::looks_like_address(given)) {
    const auto configured = configured_shared(settings);
    if (!configured) return tl::unexpected{configured.error()};
    for (const auto& [name, target] : *configured) {
      if (name == given) text = target.address;
    }
  }
  const auto parsed = worker::parse_shared_address(text);
  if (!parsed) return tl::unexpected{parsed.error()};
  return to_string(*parsed);
}

Result<Wish> wish_of(const Arguments& arguments) {
  Wish wish{arguments.has("all"), arguments.has("global"), arguments.has("work"), arguments.texts("ADDRESS")};
  if (!wish.all && !wish.global && !wish.work && wish.addresses.empty()) {
    return fail(Errc::invalid_argument, "name the addresses, or say --global, --work or --all");
  }
  if (wish.addresses.empty()) return wish;
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{configuration.error()};
  for (std::string& address : wish.addresses) {
    Result<std::string> known = address_of(configuration->settings, address);
    if (!known) return tl::unexpected{std::move(known).error()};
    address = std::move(*known);
  }
  return wish;
}

int edit(const Arguments& arguments, const Context& context, void (*change)(const Wish&, Switched&)) {
  const Result<Wish> wish = wish_of(arguments);
  if (!wish) return complain_usage(wish.error().message());
  const Result<KillSwitch> kill_switch = switch_of(arguments);
  if (!kill_switch) return complain(kill_switch.error());
  const Result<Switched> switched = kill_switch->edit([&](Switched& state) { change(*wish, state); });
  if (!switched) return complain(switched.error());
  show(*kill_switch, *switched, context.json);
  return kDone;
}

}  // namespace

int run_shared_switch(const Arguments& arguments, const Context& context) {
  const Result<KillSwitch> kill_switch = switch_of(arguments);
  if (!kill_switch) return complain(kill_switch.error());
  const Result<Switched> switched = kill_switch->read();
  if (!switched) return complain(switched.error());
  show(*kill_switch, *switched, context.json);
  return kDone;
}

int run_shared_disable(const Arguments& arguments, const Context& context) {
  return edit(arguments, context, [](const Wish& wish, Switched& state) {
    state.global = state.global || wish.global || wish.all;
    state.work = state.work || wish.work || wish.all;
    for (const std::string& address : wish.addresses) state.disable(address);
  });
}

int run_shared_enable(const Arguments& arguments, const Context& context) {
  return edit(arguments, context, [](const Wish& wish, Switched& state) {
    if (wish.global || wish.all) state.global = false;
    if (wish.work || wish.all) state.work = false;
    if (wish.all) state.addresses.clear();
    for (const std::string& address : wish.addresses) state.enable(address);
  });
}

}  // namespace coworker::app
