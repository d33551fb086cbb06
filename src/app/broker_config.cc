#include "app/broker_config.h"

#include <fmt/format.h>

#include "store/url.h"

namespace coworker::app {

Result<BrokerOptions> broker_options(const Settings& settings) {
  const std::string url = settings.text({"store"});
  const Result<store::StoreUrl> parsed = store::parse_url(url);
  if (!parsed) return tl::unexpected{parsed.error()};
  if (parsed->directory.empty()) {
    return fail(Errc::invalid_argument, fmt::format("a broker serves a directory (file:DIR), not '{}'", url));
  }
  BrokerOptions options;
  options.directory = parsed->directory;
  options.listen = settings.get<std::vector<std::string>>({"broker", "listen"});
  options.peers = settings.get<std::vector<std::string>>({"broker", "peer"});
  const std::string durability = settings.text({"broker", "durability"});
  options.durability = durability == "none"       ? store::Durability::none
                       : durability == "interval" ? store::Durability::interval
                                                  : store::Durability::commit;
  options.interval = settings.get<Millis>({"broker", "sync_interval"});
  options.sync_acks = settings.text({"broker", "acks"}) == "commit";
  options.segment_bytes = settings.get<std::uint64_t>({"broker", "segment_size"});
  options.history_bytes = settings.get<std::uint64_t>({"broker", "history_size"});
  options.history_age = settings.get<Millis>({"broker", "history_age"});
  options.tls.certificate = settings.text({"broker", "tls_certificate"});
  options.tls.key = settings.text({"broker", "tls_key"});
  options.tls.ca = settings.text({"broker", "tls_client_ca"});
  options.password_file = settings.text({"broker", "password_file"});
  options.max_clients = static_cast<std::uint32_t>(settings.get<std::int64_t>({"broker", "max_clients"}));
  options.insecure = settings.get<bool>({"broker", "insecure"});
  options.drain = settings.get<Millis>({"broker", "drain"});
  return options;
}

}  // namespace coworker::app
