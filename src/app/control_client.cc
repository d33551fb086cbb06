#include "app/control_client.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "app/control_socket.h"
#include "app/store_session.h"
#include "base/file.h"
#include "worker/shared_socket.h"

namespace coworker::app {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kUsualPort = 10042;
constexpr Millis kConnect{5'000};
constexpr Millis kPatience{60'000};  // for an answer
constexpr std::size_t kMostAnswer = 256u << 20;

std::vector<ControlPlace> places_of(const Arguments& arguments, const Settings& settings) {
  std::vector<ControlPlace> places = control_places(settings);
  if (const auto address = arguments.text("control")) {
    places = {{*address, settings.text({"control", "token_file"})}};
  }
  if (const auto file = arguments.text("token-file")) {
    for (ControlPlace& place : places) place.token_file = *file;
  }
  return places;
}

Errc code_of(std::int64_t code) {
  return code == -32602 ? Errc::invalid_argument : Errc::internal;
}

}  // namespace

ControlClient::ControlClient(std::string address, Fd socket)
    : address_{std::move(address)},
      channel_{std::make_unique<channel::JsonChannel>(std::move(socket), Fd{},
                                                      channel::JsonStream::Limits{kMostAnswer, 512})} {}

Result<ControlClient> ControlClient::open(const Arguments& arguments) {
  const Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{configuration.error()};
  const channel::tls::Settings tls = tls_settings(configuration->settings);
  std::string tried;
  for (const ControlPlace& place : places_of(arguments, configuration->settings)) {
    const Result<channel::Address> address = channel::parse_address(place.address, kUsualPort);
    if (!address) return tl::unexpected{address.error()};
    Result<Fd> socket = worker::reach(*address, tls, Clock::now() + kConnect);
    if (!socket) {
      tried += fmt::format("{}{}", tried.empty() ? "" : ", ", socket.error().message());
      continue;
    }
    ControlClient client{to_string(*address), std::move(*socket)};
    if (place.token_file.empty()) return client;
    Result<std::string> token = read_secret(place.token_file);
    if (!token) return tl::unexpected{std::move(token.error())};
    const Result<json::value> known = client.call("system.authenticate", {json::string{*token}});
    if (!known) return tl::unexpected{known.error()};
    return client;
  }
  return fail(Errc::not_found, "no supervisor answers: " + tried);
}

Result<json::value> ControlClient::call(std::string_view method, json::array params) {
  const json::object request{{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}, {"id", ++last_id_}};
  const auto deadline = Clock::now() + kPatience;
  const auto silent = [this] {
    return fail(Errc::unavailable, fmt::format("the supervisor at {} does not answer", address_));
  };
  const Result<bool> sent = channel_->send(json::serialize(request), deadline);
  if (!sent) return tl::unexpected{Error{sent.error()}.wrap(address_)};
  if (!*sent) return silent();
  const auto text = channel_->receive(deadline);
  if (!text) return tl::unexpected{Error{text.error()}.wrap(address_)};
  if (!*text) return silent();
  boost::system::error_code error;
  const json::value answer = json::parse(**text, error);
  const json::object* object = answer.if_object();
  if (error || object == nullptr) return fail(Errc::corrupt, fmt::format("{} speaks another language", address_));
  if (const json::value* result = object->if_contains("result")) return *result;
  const json::value* fault = object->if_contains("error");
  const json::object* said = fault != nullptr ? fault->if_object() : nullptr;
  const json::value* message = said != nullptr ? said->if_contains("message") : nullptr;
  const json::value* code = said != nullptr ? said->if_contains("code") : nullptr;
  if (message == nullptr || !message->is_string()) {
    return fail(Errc::corrupt, fmt::format("{} speaks another language", address_));
  }
  const Errc errc = code != nullptr && code->is_int64() ? code_of(code->as_int64()) : Errc::internal;
  return fail(errc, std::string{message->as_string()});
}

}  // namespace coworker::app
