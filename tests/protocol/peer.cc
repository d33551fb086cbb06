#include "peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "channel/address.h"
#include "channel/resp/encode.h"
#include "net/resp/monitor.h"

namespace coworker::test {

using channel::resp::Reply;
using channel::resp::ReplyDecoder;

namespace {

Fd connect_to(const std::string& text) {
  const Result<channel::Address> address = channel::parse_address(text);
  if (!address) throw std::runtime_error{address.error().message()};
  if (address->kind == channel::Address::Kind::unix_socket) {
    Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address->path.copy(name.sun_path, sizeof name.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return socket;
  } else {
    Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(address->port);
    ::inet_pton(AF_INET, address->host.c_str(), &name.sin_addr);
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return socket;
  }
  throw std::runtime_error{fmt::format("connect to {}: errno {}", text, errno)};
}

void await(int descriptor, short events) {
  pollfd state{.fd = descriptor, .events = events, .revents = 0};
  const auto patience = std::chrono::milliseconds{Peer::kPatience};
  if (::poll(&state, 1, static_cast<int>(patience.count())) != 1)
    throw std::runtime_error{"the server does not answer"};
}

}  // namespace

Peer::Peer(const std::string& address) : socket_{connect_to(address)} {}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t sent = send_some(bytes);
    bytes.remove_prefix(sent);
    if (!bytes.empty()) await(socket_.get(), POLLOUT);
  }
}

std::size_t Peer::send_some(std::string_view bytes) {
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN) return 0;
  throw std::runtime_error{"the server has closed the connection"};
}

void Peer::request(std::initializer_list<std::string_view> words) {
  std::string bytes;
  channel::resp::append_request(bytes, words);
  send(bytes);
}

void Peer::half_close() {
  ::shutdown(socket_.get(), SHUT_WR);
}

bool Peer::receive() {
  await(socket_.get(), POLLIN);
  char buffer[64 * 1024];
  const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (size <= 0) return false;
  input_.append(buffer, static_cast<std::size_t>(size));
  return true;
}

std::string Peer::reply() {
  while (true) {
    const ReplyDecoder::Step step = decoder_.next(std::string_view{input_}.substr(begin_));
    if (step == ReplyDecoder::Step::malformed) throw std::runtime_error{decoder_.error()};
    if (step == ReplyDecoder::Step::reply) {
      std::string text = render(decoder_.reply());
      begin_ += decoder_.consumed();
      if (begin_ == input_.size()) {
        input_.clear();
        begin_ = 0;
      }
      return text;
    }
    if (!receive()) return "closed";
  }
}

std::string render(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::simple:
      return "+" + std::string{reply.text};
    case Reply::Type::error:
      return "-" + std::string{reply.text};
    case Reply::Type::integer:
      return ":" + std::to_string(reply.integer);
    case Reply::Type::null_bulk:
      return "$-1";
    case Reply::Type::null_array:
      return "*-1";
    case Reply::Type::bulk: {
      std::string text;
      net::resp::append_quoted(text, reply.text);
      return text;
    }
    case Reply::Type::array:
      break;
  }
  std::string text = "[";
  for (const Reply& element : reply.elements) {
    if (text.size() > 1) text.push_back(' ');
    text += render(element);
  }
  return text + "]";
}

TestBroker::TestBroker(const std::function<void(app::BrokerOptions&)>& adjust) {
  std::string pattern = (std::filesystem::temp_directory_path() / "broker-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
  folder_ = pattern;
  options_.directory = (folder_ / "data").string();
  options_.listen = {"unix:" + (folder_ / "socket").string(), "tcp:127.0.0.1:0"};
  options_.drain = Millis{2000};
  if (adjust) adjust(options_);
  restart();
}

TestBroker::~TestBroker() {
  broker_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TestBroker::restart() {
  broker_.reset();
  broker_ = std::make_unique<app::BrokerThread>(options_);
  if (Result<> started = broker_->start(); !started) throw std::runtime_error{started.error().message()};
}

void TestBroker::await_blocked(std::size_t count) {
  Peer peer{unix_address()};
  const auto deadline = std::chrono::steady_clock::now() + Peer::kPatience;
  while (info(peer, "clients", "blocked_clients") != std::to_string(count)) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error{"clients do not block"};
  }
}

std::string info(Peer& peer, std::string_view section, std::string_view key) {
  const std::string text = peer.ask({"INFO", section});
  const std::string wanted = fmt::format("\\n{}:", key);
  const std::size_t at = text.find(wanted);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + wanted.size();
  return text.substr(begin, text.find("\\r", begin) - begin);
}

std::size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace coworker::test
