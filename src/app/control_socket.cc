#include "app/control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "store/url.h"
#include "worker/shared_socket.h"

namespace coworker::app {
namespace {

constexpr const char* kFileName = "control.sock";
constexpr std::uint16_t kUsualPort = 10042;
constexpr Millis kDrain{1'000};
constexpr const char* kNone = "; there is no control socket: name another address with control.listen";

/// Where a supervisor without a word about it listens: in the directory of its store, else among what this user's
/// programs keep.
Result<std::string> usual_address(const std::string& store) {
  const Result<store::StoreUrl> url = store::parse_url(store);
  if (url && !url->directory.empty()) return fmt::format("unix:{}/{}", url->directory, kFileName);
  Result<std::string> folder = worker::runtime_folder();
  if (!folder) return folder;
  return fmt::format("unix:{}/{}", *folder, kFileName);
}

Result<mode_t> mode_of(const std::string& text) {
  constexpr int kOctal = 8;
  constexpr unsigned kMost = 0777;
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, kOctal);
  if (error != std::errc{} || end != text.data() + text.size() || mode > kMost) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is no mode of a file, like 0660", text));
  }
  return static_cast<mode_t>(mode);
}

/// One address with the keys that stand at `place`.
Result<net::rpc::Place> place_of(const Settings& settings, Path place, const std::string& text) {
  const auto key = [&place](const char* name) {
    Path path = place;
    path.emplace_back(name);
    return path;
  };
  net::rpc::Place out;
  Result<channel::Address> address = channel::parse_address(text, kUsualPort);
  if (!address) return tl::unexpected{std::move(address.error())};
  out.address = std::move(*address);
  const bool is_comodojo = settings.text(key("protocol")) == "comodojo";
  out.dialect = is_comodojo ? net::rpc::Dialect::comodojo : net::rpc::Dialect::standard;
  out.access = settings.text(key("access")) == "look" ? api::Access::look : api::Access::operate;
  const Result<mode_t> mode = mode_of(settings.text(key("mode")));
  if (!mode) return tl::unexpected{mode.error()};
  out.mode = *mode;
  if (out.address.kind == channel::Address::Kind::tls) {
    using channel::tls::Context;
    auto context = Context::create(
        Context::Side::server,
        {settings.text(key("tls_certificate")), settings.text(key("tls_key")), settings.text(key("tls_client_ca"))});
    if (!context) return tl::unexpected{std::move(context.error()).wrap(text)};
    out.tls = std::move(*context);
  }
  if (const std::string file = settings.text(key("token_file")); !file.empty()) {
    Result<std::string> token = read_secret(file);
    if (!token) return tl::unexpected{std::move(token.error())};
    out.token = std::move(*token);
  }
  return out;
}

std::uint64_t number(const Settings& settings, const char* name) {
  return static_cast<std::uint64_t>(settings.get<std::int64_t>({"control", name}));
}

}  // namespace

Result<ControlOptions> control_options(const Settings& settings, const std::string& store, bool insecure) {
  ControlOptions options;
  const auto add = [&](Path path, const std::string& address) -> Result<> {
    Result<net::rpc::Place> place = place_of(settings, std::move(path), address);
    if (!place) return tl::unexpected{std::move(place.error()).wrap("control")};
    options.server.listen.push_back(std::move(*place));
    return {};
  };
  for (const Settings::Entry& entry : settings.entries({"control"})) {
    const Path path{"control", entry.name};
    const std::string address = settings.text({"control", entry.name, "address"});
    if (address.empty()) {
      return fail(Errc::invalid_argument, fmt::format("{}: control.{}: address is missing", entry.origin, entry.name));
    }
    if (Result<> added = add(path, address); !added) return tl::unexpected{std::move(added.error())};
  }
  for (const std::string& address : settings.get<std::vector<std::string>>({"control", "listen"})) {
    if (Result<> added = add({"control"}, address); !added) return tl::unexpected{std::move(added.error())};
  }
  if (options.server.listen.empty()) {
    options.is_usual = true;
    const Result<std::string> address = usual_address(store);
    if (!address) {
      log::warning(address.error().message() + kNone);
    } else if (Result<> added = add({"control"}, *address); !added) {
      return tl::unexpected{std::move(added.error())};
    }
  }
  options.server.insecure = insecure || settings.get<bool>({"control", "insecure"});
  options.server.limits.clients = number(settings, "max_clients");
  options.server.limits.request = settings.get<std::uint64_t>({"control", "max_request"});
  options.server.limits.read_timeout = settings.get<Millis>({"control", "read_timeout"});
  return options;
}

std::vector<ControlPlace> control_places(const Settings& settings) {
  std::vector<ControlPlace> places;
  for (const Settings::Entry& entry : settings.entries({"control"})) {
    // The other dialect is for its own clients.
    if (settings.text({"control", entry.name, "protocol"}) == "comodojo") continue;
    places.push_back(
        {settings.text({"control", entry.name, "address"}), settings.text({"control", entry.name, "token_file"})});
  }
  for (const std::string& address : settings.get<std::vector<std::string>>({"control", "listen"})) {
    places.push_back({address, settings.text({"control", "token_file"})});
  }
  if (!places.empty()) return places;
  const Result<store::StoreUrl> url = store::parse_url(settings.text({"store"}));
  if (url && !url->directory.empty()) places.push_back({fmt::format("unix:{}/{}", url->directory, kFileName), {}});
  // Of a directory that somebody names no other supervisor is meant.
  if (!places.empty() && settings.given({"store"}) != nullptr) return places;
  const std::string shared = "/run/coworker";
  const Result<std::string> own = worker::runtime_folder();
  if (own && *own != shared) places.push_back({fmt::format("unix:{}/{}", *own, kFileName), {}});
  places.push_back({fmt::format("unix:{}/{}", shared, kFileName), {}});
  return places;
}

ControlSocket::ControlSocket(async::Loop& loop, api::Backend& backend, const Methods& own)
    : loop_{loop}, directory_{loop, backend} {
  directory_.add(own);
}

ControlSocket::~ControlSocket() {
  let_go();
}

void ControlSocket::let_go() {
  for (const Lock& lock : locks_) ::unlink(lock.path.c_str());
  locks_.clear();
}

Result<std::unique_ptr<service::Companion>> ControlSocket::open(async::Loop& loop, api::Backend& backend,
                                                                ControlOptions options, const Methods& own) {
  auto socket = std::make_unique<ControlSocket>(loop, backend, own);
  Result<> listening = socket->listen(std::move(options.server));
  if (!listening) {
    Error error = std::move(listening.error());
    if (!options.is_usual) return tl::unexpected{std::move(error).wrap("the control socket")};
    log::warning(error.message() + kNone);
  }
  return std::unique_ptr<service::Companion>{std::move(socket)};
}

/// The lock is a file beside the socket, which goes away with it; who got hold of one that has gone tries again.
Result<ControlSocket::Lock> ControlSocket::lock(const channel::Address& address) {
  const Result<std::string> path = worker::lock_path_of(address);
  if (!path) return tl::unexpected{path.error()};
  for (;;) {
    Fd fd{::open(path->c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) return fail_errno(errno, fmt::format("open '{}'", *path));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return fail(Errc::conflict, fmt::format("{} belongs to another program that runs", to_string(address)));
    }
    struct stat ours{};
    struct stat named{};
    const bool is_it = ::fstat(fd.get(), &ours) == 0 && ::stat(path->c_str(), &named) == 0 &&
                       ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
    if (is_it) return Lock{*path, std::move(fd)};
  }
}

Result<> ControlSocket::listen(net::rpc::ServerOptions options) {
  for (const net::rpc::Place& place : options.listen) {
    if (place.address.kind != channel::Address::Kind::unix_socket) continue;
    Result<Lock> locked = lock(place.address);
    if (!locked) return tl::unexpected{std::move(locked.error())};
    locks_.push_back(std::move(*locked));
    const auto at_once = worker::Deadline::clock::now() + kDrain;
    if (const Result<Fd> other = worker::connect_to(place.address, at_once);
        other || other.error().code() == Errc::unavailable) {
      return fail(Errc::conflict, fmt::format("another program listens on {}", to_string(place.address)));
    }
  }
  options.replace_sockets = true;
  auto server = std::make_unique<net::rpc::Server>(loop_, directory_, std::move(options));
  if (Result<> listening = server->listen(); !listening) return listening;
  server_ = std::move(server);
  for (const channel::Address& address : server_->addresses()) {
    log::info("the control socket listens on " + to_string(address));
  }
  return {};
}

async::Task<> ControlSocket::stop() {
  if (server_) co_await server_->stop(kDrain);
  let_go();
}

}  // namespace coworker::app
