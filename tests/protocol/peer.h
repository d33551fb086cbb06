#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "app/broker.h"
#include "base/fd.h"
#include "channel/resp/reply_decoder.h"

namespace coworker::test {

/// A client of the protocol that blocks, with a deadline for everything: what takes longer fails the test.
class Peer {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  /// To `unix:PATH` or `tcp:HOST:PORT`.
  explicit Peer(const std::string& address);

  void send(std::string_view bytes);
  void request(std::initializer_list<std::string_view> words);

  /// Sends what the server takes without waiting; how many bytes that was.
  std::size_t send_some(std::string_view bytes);

  /// The next reply as one line (see render), or "closed".
  std::string reply();
  std::string ask(std::initializer_list<std::string_view> words) {
    request(words);
    return reply();
  }

  /// Whether the server has closed, waiting for it.
  bool closed() { return reply() == "closed"; }

  /// Says that nothing more will be sent.
  void half_close();

  int descriptor() const noexcept { return socket_.get(); }

 private:
  bool receive();

  Fd socket_;
  std::string input_;
  std::size_t begin_ = 0;
  channel::resp::ReplyDecoder decoder_;
};

/// A reply as a person would write it: `+OK`, `-ERR text`, `:1`, `"bulk"`, `$-1`, `*-1`, `[:1 "a"]`.
std::string render(const channel::resp::Reply& reply);

/// A broker in a temporary folder, which is removed at the end.
class TestBroker {
 public:
  /// `adjust` changes the options before the start.
  explicit TestBroker(const std::function<void(app::BrokerOptions&)>& adjust = {});
  ~TestBroker();

  const std::string& unix_address() const { return broker_->addresses()[0]; }
  const std::string& tcp_address() const { return broker_->addresses()[1]; }
  const std::filesystem::path& folder() const { return folder_; }

  /// Waits until that many clients are blocked in a claim.
  void await_blocked(std::size_t count);

  /// Stops it and starts it anew on the same folder.
  void restart();
  void stop() { broker_.reset(); }

 private:
  std::filesystem::path folder_;
  app::BrokerOptions options_;
  std::unique_ptr<app::BrokerThread> broker_;
};

/// The value of a key in INFO, "" when there is none.
std::string info(Peer& peer, std::string_view section, std::string_view key);

/// Resident memory of this process in bytes.
std::size_t resident_bytes();

}  // namespace coworker::test
