#include "app/store_session.h"

#include <optional>
#include <utility>

#include "async/gate.h"
#include "base/check.h"
#include "store/open.h"

namespace coworker::app {
namespace {

using Opened = Result<std::unique_ptr<store::Store>>;

async::Task<> open_into(async::Loop& loop, std::string url, store::OpenOptions options, std::optional<bool> adding,
                        std::optional<Opened>& result) {
  if (adding) {
    Opened opened = co_await store::open_for_adding(loop, std::move(url), std::move(options), *adding);
    result = std::move(opened);
    co_return;
  }
  Opened opened = co_await store::open_url(loop, std::move(url), std::move(options));
  result = std::move(opened);
}

}  // namespace

struct StoreSession::State {
  async::Loop loop{1};
  async::Gate gate{loop.get_executor()};
  std::unique_ptr<store::Store> store;
};

StoreSession::StoreSession(std::unique_ptr<State> state) : state_{std::move(state)} {}
StoreSession::StoreSession(StoreSession&&) noexcept = default;
StoreSession& StoreSession::operator=(StoreSession&&) noexcept = default;
StoreSession::~StoreSession() {
  if (state_ && state_->store) state_->store->close();
}

store::Store& StoreSession::store() {
  return *state_->store;
}
async::Loop& StoreSession::loop() {
  return state_->loop;
}

void StoreSession::run_until(const std::function<bool()>& is_done) {
  if (state_->loop.stopped()) state_->loop.restart();
  while (!is_done()) CW_CHECK(state_->loop.run_one() > 0);  // a store answers everything
}

Result<StoreSession> StoreSession::open(const Settings& settings, Use use, bool with_index) {
  Result<std::string> password = store_password(settings);
  if (!password) return tl::unexpected{std::move(password.error())};
  store::OpenOptions options;
  options.password = std::move(*password);
  options.tls = tls_settings(settings);
  StoreSession session{std::make_unique<State>()};
  const std::optional<bool> adding =
      use == Use::everything ? std::nullopt : std::optional{use == Use::many_adds || with_index};
  std::optional<Opened> opened;
  session.state_->gate.spawn("open the store",
                             open_into(session.loop(), settings.text({"store"}), options, adding, opened));
  session.run_until([&] { return opened.has_value(); });
  if (!*opened) return tl::unexpected{std::move(opened->error())};
  session.state_->store = std::move(**opened);
  return session;
}

Result<job::Answer> StoreSession::ask(job::Command command) {
  std::optional<Result<job::Answer>> answer;
  store().apply(std::move(command), [&](Result<job::Answer> result) { answer = std::move(result); });
  run_until([&] { return answer.has_value(); });
  return std::move(*answer);
}

Result<Configuration> configuration_of(const Arguments& arguments) {
  std::vector<Override> overrides;
  if (const auto url = arguments.text("store")) overrides.push_back({"store", {*url}, "--store"});
  if (const auto file = arguments.text("password-file")) {
    overrides.push_back({"password_file", {*file}, "--password-file"});
  }
  Result<Configuration> loaded = load_configuration(arguments.texts("config"), overrides);
  if (!loaded) return loaded;
  if (const auto password = arguments.text("password")) loaded->settings.set({"password"}, {*password, "--password"});
  return loaded;
}

}  // namespace coworker::app
