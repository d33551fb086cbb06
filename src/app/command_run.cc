#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include "app/background.h"
#include "app/broker.h"
#include "app/broker_config.h"
#include "app/civi_settings.h"
#include "app/command_list.h"
#include "app/control_socket.h"
#include "app/loop_settings.h"
#include "app/store_session.h"
#include "app/worker_registry.h"
#include "app/worker_settings.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/keeper_main.h"
#include "proc/program.h"
#include "service/crontab_file.h"
#include "service/run.h"
#include "store/url.h"

namespace coworker::app {
namespace {

constexpr Millis kOwnerLimit{10'000};
constexpr Millis kOwnerPause{50};

// Consumers are told by the environment what they need before the supervisor
// speaks to them.
void export_settings(const Settings& settings, const std::string& library) {
  const auto set = [](const char* name, const std::string& text) {
    if (!text.empty()) ::setenv(name, text.c_str(), 1);
  };
  set("COWORKER_LOG_LEVEL", settings.text({"log", "level"}));
  set("COWORKER_LOG_FORMAT", settings.text({"log", "format"}));
  set("COWORKER_LOG_FILE", settings.text({"log", "file"}));
  // Whole, as a loop worker may have a working directory of its own.
  set("COWORKER_BOOTSTRAP", library);
}

// Without a word about queues, each inline worker of the program serves the
// queue of its name.
void add_usual_queues(service::Config& config, const worker::Registry& registry) {
  if (!config.queues.empty()) return;
  service::ConsumerConfig consumer;
  for (const std::string& name : registry.names()) {
    service::QueueConfig queue;
    queue.name = name;
    queue.worker.kind = service::WorkerKind::inline_worker;
    queue.worker.name = name;
    config.queues.push_back(std::move(queue));
    consumer.queues.push_back(name);
  }
  if (!consumer.queues.empty()) config.consumers.push_back(std::move(consumer));
}

// Where the broker is this program, what it demands is also what its consumers say.
Result<std::string> password_for(const Settings& settings) {
  Result<std::string> password = store_password(settings);
  const std::string demanded = settings.text({"broker", "password_file"});
  if (!password || !password->empty() || demanded.empty()) return password;
  return read_secret(demanded);
}

Result<Settings> run_settings(const Arguments& arguments, bool debug) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{std::move(configuration.error())};
  if (const auto file = arguments.text("bootstrap")) configuration->settings.set({"bootstrap"}, {*file, "--bootstrap"});
  if (arguments.has("control")) {
    if (!configuration->settings.entries({"control"}).empty()) configuration->settings.erase({"control"});
    configuration->settings.set({"control", "listen"}, {arguments.texts("control"), "--control"});
  }
  if (Result<> done = take_civi(arguments, debug, *configuration); !done)
    return tl::unexpected{std::move(done.error())};
  log_in_background(arguments, "coworker.log", configuration->settings);
  return std::move(configuration->settings);
}

Result<service::Config> run_config(const Settings& settings, const worker::Registry& registry) {
  Result<service::Config> config = service_config(settings);
  if (!config) return config;
  add_usual_queues(*config, registry);
  config->hooks = registry.hooks().any();
  if (config->schedule && registry.hooks().around_adds()) {
    log::warning("the schedule of run calls no hooks around adds; coworker schedule --watch beside it does");
  }
  Result<std::vector<service::LoopConfig>> loops = loop_configs(settings, registry);
  if (!loops) return tl::unexpected{std::move(loops.error())};
  config->loops = std::move(*loops);
  const bool has_other_work = !config->queues.empty() || config->schedule || !config->loops.empty();
  const Value* civi = settings.given({"civi"});
  if (civi != nullptr && (std::get<bool>(civi->data) || !has_other_work)) {
    Result<service::CiviConfig> site = civi_config(settings);
    if (!site && std::get<bool>(civi->data)) return tl::unexpected{std::move(site.error())};
    if (!site) {
      return tl::unexpected{std::move(site.error()).wrap("there is nothing to run: no configuration file was found")};
    }
    config->civi = std::make_shared<const service::CiviConfig>(std::move(*site));
  }
  if (!has_other_work && !config->civi) {
    return fail(Errc::invalid_argument,
                "there is nothing to run: no queues, no loops, no schedule and no CiviCRM site in the configuration "
                "(see coworker "
                "run --help)");
  }
  // A site's tasks are in its own database; only their history would be kept here, for who says where.
  if (!has_other_work && settings.given({"store"}) == nullptr) config->store.clear();
  Result<> checked = check_workers(*config, settings, registry);
  if (!checked) return tl::unexpected{std::move(checked.error())};
  if (config->schedule) {
    const auto crontab = service::load_crontab(config->schedule->crontab, config->schedule->time_zone);
    if (!crontab) return tl::unexpected{crontab.error()};
  }
  Result<std::string> password = password_for(settings);
  if (!password) return tl::unexpected{std::move(password.error())};
  config->store_password = std::move(*password);
  return config;
}

/// What the supervisor cannot change while it runs: the broker that serves, and the workers that are loaded.
Result<service::Reloaded> read_again(const Arguments& arguments, bool debug, const Settings& in_effect,
                                     const worker::Registry& registry) {
  Result<Settings> settings = run_settings(arguments, debug);
  if (!settings) return tl::unexpected{std::move(settings.error())};
  Result<service::Config> config = run_config(*settings, registry);
  if (!config) return tl::unexpected{std::move(config.error())};
  service::Reloaded out{std::move(*config), {}};
  std::set<Path> fixed{{"bootstrap"}};
  for (const Settings* each : std::initializer_list<const Settings*>{&in_effect, &*settings}) {
    for (const auto& [path, value] : each->all()) {
      if (path.size() > 1 && (path.front() == "broker" || path.front() == "control")) {
        fixed.insert(path);
      }
    }
  }
  for (const Path& path : fixed) {
    if (in_effect.effective(path).data == settings->effective(path).data) continue;
    out.notes.push_back(fmt::format("{}: takes effect at the next start", to_string(path)));
  }
  return out;
}

bool is_served(const std::string& directory, const std::string& password) {
  Settings settings;
  settings.set({"store"}, {"unix:" + directory + "/broker.sock", "run"});
  settings.set({"password"}, {password, "--password"});
  const Result<StoreSession> session = StoreSession::open(settings);
  // A broker that wants another password is one, too; the consumers will say so.
  return session || session.error().code() == Errc::denied;
}

/// Serves the directory here, unless another broker does. Its owner may be about to leave, or to serve, so both are
/// tried for a while.
Result<> start_broker(const Settings& settings, const std::string& password, std::unique_ptr<BrokerThread>& broker) {
  const Result<store::StoreUrl> url = store::parse_url(settings.text({"store"}));
  if (!url) return tl::unexpected{url.error()};
  if (url->directory.empty()) return {};
  Result<BrokerOptions> options = broker_options(settings);
  if (!options) return tl::unexpected{std::move(options.error())};
  if (options->listen.empty()) options->listen = {"unix:" + options->directory + "/broker.sock"};
  const auto give_up = std::chrono::steady_clock::now() + kOwnerLimit;
  while (true) {
    auto own = std::make_unique<BrokerThread>(*options);
    Result<> started = own->start();
    if (started) {
      broker = std::move(own);
      break;
    }
    if (started.error().code() != Errc::conflict) return started;
    if (is_served(options->directory, password)) {
      log::info(fmt::format("{} is served by another broker; using that", settings.text({"store"})));
      return {};
    }
    if (std::chrono::steady_clock::now() > give_up) return started;
    std::this_thread::sleep_for(kOwnerPause);
  }
  for (const std::string& address : broker->addresses()) log::info("the broker listens on " + address);
  return {};
}

int run_all(const Arguments& arguments, const Context& context, bool debug) {
  if (Result<> entered = enter_folder(arguments); !entered) return complain(entered.error());
  Result<Settings> settings = run_settings(arguments, debug);
  if (!settings) return complain(settings.error());
  if (Result<> logged = log::configure(log_options(*settings)); !logged) return complain(logged.error());
  log::set_role("supervisor");
  Result<Background> background = Background::enter(background_options(arguments));
  if (!background) return complain(background.error());
  if (Result<int> program = proc::own_program(); !program) return complain(program.error());
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, *settings);
  if (!registry) return complain(registry.error());
  Result<service::Config> config = run_config(*settings, *registry);
  if (!config) return complain(config.error());
  const Result<ControlOptions> control = control_options(*settings, config->store, arguments.has("insecure"));
  if (!control) return complain(control.error());
  export_settings(*settings, registry->library());

  std::unique_ptr<BrokerThread> broker;
  Result<> started;
  if (config->needs_store()) {
    started = start_broker(*settings, config->store_password, broker);
  } else if (!config->store.empty()) {
    // No store makes the folder where others look for this program.
    std::error_code ignored;
    const Result<store::StoreUrl> url = store::parse_url(config->store);
    if (url && !url->directory.empty()) std::filesystem::create_directories(url->directory, ignored);
  }
  if (!started) {
    return complain(std::move(started.error()).wrap("start the broker"));
  }
  background->leave_terminal(settings->text({"log", "file"}));
  service::MakeCompanion open_control;
  if (!control->server.listen.empty()) {
    open_control = [&control, &context](async::Loop& loop, api::Backend& backend) {
      return ControlSocket::open(loop, backend, *control, context.methods);
    };
  }
  service::RunEvents events;
  events.on_ready = [&background] { background->ready(); };
  const int code = service::run_supervisor(
      *config, [&, debug] { return read_again(arguments, debug, *settings, *registry); }, std::move(events),
      std::move(open_control));
  if (broker) broker->stop();
  return code;
}

}  // namespace

int run_run(const Arguments& arguments, const Context& context) {
  return run_all(arguments, context, false);
}

int run_debug(const Arguments& arguments, const Context& context) {
  return run_all(arguments, context, true);
}

int run_consumer(const Arguments&, const Context& context) {
  Settings settings;
  Result<Configuration> configuration = load_configuration({"/dev/null"}, {});
  if (!configuration) return complain(configuration.error());
  if (Result<> logged = log::configure(log_options(configuration->settings)); !logged) return complain(logged.error());
  log::set_role("consumer");
  proc::name_process("coworker-cons");
  const Result<worker::Registry> registry = registry_with_bootstrap(context.workers, configuration->settings);
  if (!registry) return complain(registry.error());
  return service::consumer_main(*registry);
}

int run_keeper(const Arguments&, const Context&) {
  return proc::keeper_main(3);
}

}  // namespace coworker::app
