#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>

#include "app/civi_settings.h"
#include "app/command_list.h"
#include "app/output.h"
#include "app/store_session.h"
#include "proc/launch.h"
#include "proc/strays.h"

/// Whether a site can be served, and what to mend.
namespace coworker::app {
namespace {

namespace json = boost::json;
using Connection = std::shared_ptr<civi::Connection>;

struct Findings {
  civi::Site site;
  json::array queues;
  std::string trouble;  // empty: none
  std::string advice;
};

std::string advice_for(const std::string& trouble) {
  const auto says = [&](std::string_view text) { return trouble.find(text) != std::string::npos; };
  if (says("not found") || says("No such file")) {
    return "the command is not found where it runs: name its whole path; over ssh, PATH is another one than in a login";
  }
  if (says("Permission denied (publickey") || says("Host key verification")) {
    return "ssh needs a key and a known host: try the same ssh command by hand, as the same user, with -o "
           "BatchMode=yes";
  }
  if (says("not trust")) return "start the pipe as trusted: 'cv pipe vtl', or 'wp civicrm pipe vtl'";
  if (says("version")) return "update CiviCRM, or name the least version that you accept with -d civicrmVersion=…";
  if (says("generation")) return "update CiviCRM to 5.51 or later";
  if (says("AuthX")) return "activate the extension AuthX on the site";
  if (says("Authorization")) return "the contact of the credential needs the permission 'administer queues'";
  if (says("not ready within"))
    return "it starts, and does not greet: run the command by hand and see what it waits for";
  if (says("ended before it was ready")) return "run the command by hand: it must print a line with \"Civi::pipe\"";
  return {};
}

async::Task<> examine(Connection control, Connection work, json::object query, Findings* found) {
  Result<civi::Site> site = co_await control->open();
  if (site) {
    found->site = std::move(*site);
    civi::Call question{"Queue", "get", std::move(query)};
    const civi::Reply reply = co_await control->call(std::move(question));
    if (!reply.ok()) found->trouble = "Queue.get: " + reply.reason;
    if (reply.ok() && reply.values.is_array()) found->queues = reply.values.as_array();
    if (reply.ok() && work != control) {
      const Result<civi::Site> other = co_await work->open();
      if (!other) found->trouble = "the way for tasks: " + other.error().message();
    }
  } else {
    found->trouble = site.error().message();
  }
  const Millis none{0};
  co_await control->close(none);
  co_await work->close(none);
}

void add_row(std::string_view name, const std::string& value) {
  if (!value.empty()) print_line(fmt::format("{:<10} {}", name, printable(value)));
}

void show(const Findings& found) {
  const civi::Site& site = found.site;
  add_row("site", site.address);
  add_row("greeting", site.greeting);
  add_row("version", site.version);
  if (!site.version.empty()) {
    add_row("login", site.can_log_in ? "yes, tasks of other contacts can run"
                                     : "no, only tasks of nobody in particular can run");
    add_row("latency", fmt::format("{} ms", site.latency.count()));
  }
  if (site.domain > 0) add_row("domain", std::to_string(site.domain));
  for (const json::value& queue : found.queues) {
    const json::value* name = queue.is_object() ? queue.as_object().if_contains("name") : nullptr;
    if (name != nullptr) add_row("queue", name->is_string() ? std::string{name->as_string()} : json::serialize(*name));
  }
  if (found.trouble.empty() && found.queues.empty()) add_row("queues", "none: no active queue has a runner");
  add_row("trouble", found.trouble);
  add_row("advice", found.advice);
  if (found.trouble.empty()) add_row("fine", "its queues can be run");
}

json::object to_json(const Findings& found) {
  json::object object{{"ok", found.trouble.empty()},
                      {"site", found.site.address},
                      {"version", found.site.version},
                      {"login", found.site.can_log_in},
                      {"latency_ms", found.site.latency.count()},
                      {"queues", found.queues}};
  if (!found.trouble.empty()) object["trouble"] = found.trouble;
  if (!found.advice.empty()) object["advice"] = found.advice;
  return object;
}

json::object query_of(const Settings& settings) {
  const std::string own = settings.text({"civi", "pollQuery"});
  return json::parse(own.empty() ? R"({"where":[["status","=","active"]]})" : own).as_object();
}

Result<Findings> look(const service::CiviConfig& config, const Settings& settings) {
  async::Loop loop;
  const service::CiviConfig::Parts parts{loop, proc::own_environment(), {}};
  Result<Connection> control = config.control(parts);
  if (!control) return tl::unexpected{std::move(control.error())};
  Result<Connection> work = config.work ? config.work(parts) : control;
  if (!work) return tl::unexpected{std::move(work.error())};
  Findings found;
  async::asio::co_spawn(loop, examine(*control, *work, query_of(settings), &found),
                        [](const std::exception_ptr& error) {
                          if (error) std::rethrow_exception(error);
                        });
  loop.run();
  found.advice = advice_for(found.trouble);
  return found;
}

}  // namespace

int run_doctor(const Arguments& arguments, const Context& context) {
  if (Result<> entered = enter_folder(arguments); !entered) return complain(entered.error());
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  if (Result<> done = take_civi(arguments, false, *configuration); !done) return complain_usage(done.error().message());
  const Settings& settings = configuration->settings;
  if (Result<> logged = log::configure(log_options(settings)); !logged) return complain(logged.error());
  const Result<service::CiviConfig> config = civi_config(settings);
  if (!config) return complain(config.error());
  ::signal(SIGPIPE, SIG_IGN);
  proc::adopt_orphans();
  const Result<Findings> found = look(*config, settings);
  if (!found) return complain(found.error());
  if (context.json) {
    print_line(json::serialize(to_json(*found)));
  } else {
    show(*found);
  }
  return found->trouble.empty() ? kDone : kFailed;
}

}  // namespace coworker::app
