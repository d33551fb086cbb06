#include <cstdlib>

#include "app/civi_settings.h"
#include "base/file.h"
#include "base/log.h"
#include "civi/web_connection.h"

namespace coworker::app {
namespace {

constexpr const char* kVariable = "COWORKER_WEB_CREDENTIAL";

Path at(std::string_view name) {
  return {"civi", std::string{name}};
}

/// Taken out of the environment, so that nothing that we start inherits it; remembered for a reload.
const std::string& credential_of_environment() {
  static const std::string credential = [] {
    const char* text = std::getenv(kVariable);
    std::string found = text == nullptr ? "" : text;
    ::unsetenv(kVariable);
    return found;
  }();
  return credential;
}

/// What is given apart from the address; a kind that it has stands for the one of the address.
Result<> take_credential(const Settings& settings, civi::WebCredential& credential) {
  std::string origin = kVariable;
  std::string text = credential_of_environment();
  if (const std::string file = settings.text(at("webCredentialFile")); text.empty() && !file.empty()) {
    origin = "civi.webCredentialFile";
    Result<std::string> read = read_secret(file);
    if (!read) return tl::unexpected{std::move(read.error()).wrap(origin)};
    text = std::move(*read);
  }
  if (text.empty()) return {};
  Result<civi::WebCredential> given = civi::parse_web_credential(text);
  if (!given) return tl::unexpected{std::move(given.error()).wrap(origin)};
  if (!given->password.empty()) credential.password = std::move(given->password);
  if (!given->token.empty()) credential.token = std::move(given->token);
  return {};
}

civi::WebConnection::Protocol protocol_of(const Settings& settings) {
  const std::string text = settings.text(at("webProtocol"));
  if (text == "api4") return civi::WebConnection::Protocol::api4;
  if (text == "json-rpc") return civi::WebConnection::Protocol::json_rpc;
  return civi::WebConnection::Protocol::automatic;
}

}  // namespace

Result<service::CiviConfig::Connect> connect_by_web(const Settings& settings) {
  Result<civi::WebAddress> address = civi::parse_web_address(settings.text(at("web")));
  if (!address) return tl::unexpected{std::move(address.error()).wrap("civi.web")};
  civi::WebConnection::Options options;
  options.address = std::move(*address);
  if (Result<> taken = take_credential(settings, options.address.credential); !taken)
    return tl::unexpected{taken.error()};
  options.protocol = protocol_of(settings);
  options.authorities = settings.text(at("webAuthorities"));
  options.minimum_version = settings.text(at("civicrmVersion"));
  options.count = static_cast<std::size_t>(settings.get<std::int64_t>(at("workerCount")));
  options.repetitions = static_cast<std::uint32_t>(settings.get<std::int64_t>(at("requestRetries")));
  options.timeout = settings.get<Millis>(at("requestTimeout"));
  return [options](const service::CiviConfig::Parts& parts) -> Result<std::shared_ptr<civi::Connection>> {
    Result<std::unique_ptr<civi::Connection>> made = civi::WebConnection::make(parts.loop, options);
    if (!made) return tl::unexpected{std::move(made.error())};
    return std::shared_ptr<civi::Connection>{std::move(*made)};
  };
}

}  // namespace coworker::app
