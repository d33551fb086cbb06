#include "app/civi_settings.h"
#include "civi/web_connection.h"

namespace coworker::app {

Result<service::CiviConfig::Connect> connect_by_web(const Settings& settings) {
  Result<civi::WebAddress> address = civi::parse_web_address(settings.text({"civi", "web"}));
  if (!address) return tl::unexpected{std::move(address.error())};
  civi::WebConnection::Options options;
  options.address = std::move(*address);
  options.minimum_version = settings.text({"civi", "civicrmVersion"});
  options.count = static_cast<std::size_t>(settings.get<std::int64_t>({"civi", "workerCount"}));
  options.timeout = settings.get<Millis>({"civi", "requestTimeout"});
  return [options](const service::CiviConfig::Parts& parts) -> Result<std::shared_ptr<civi::Connection>> {
    Result<std::unique_ptr<civi::Connection>> made = civi::WebConnection::make(parts.loop, options);
    if (!made) return tl::unexpected{std::move(made.error())};
    return std::shared_ptr<civi::Connection>{std::move(*made)};
  };
}

}  // namespace coworker::app
