#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>

#include "async/event.h"
#include "async/loop.h"
#include "civi/connection.h"
#include "civi/web_address.h"
#include "civi/web_api.h"
#include "worker/http_transfers.h"

namespace coworker::civi {

/// APIv4 of a site over HTTP. Every call is a request of its own, as the contact whose credential the address has;
/// nobody can log in as another. Up to `count` tasks, which are the calls that have a name, run at a time; connections
/// are kept.
///
/// A request that reads is sent again when the network or the server fails, later and later, within its time; one that
/// changes something only where it is known that the server has done nothing with it. Redirects are not followed: they
/// would take the credential elsewhere, or turn the call into a page.
///
/// Connections are kept, until one of them is found closed by what was sent over it: a claim or a run that is lost that
/// way waits for its lease, so from then on each of these has a connection of its own.
///
/// The end-point is found by the first call: CiviCRM's own beside the address, else JSON-RPC at the address itself.
class WebConnection final : public Connection {
 public:
  enum class Protocol : std::uint8_t { automatic, api4, json_rpc };

  struct Options {
    WebAddress address;
    Protocol protocol = Protocol::automatic;
    std::string minimum_version;  // of CiviCRM, where the site tells its own; empty: any
    std::string authorities;      // PEM file of those to trust instead of the system's
    std::size_t count = 1;
    Millis timeout{60'000};        // of a call that has none of its own
    Millis connect_limit{10'000};  // for name, connection and TLS
    std::uint32_t repetitions = 3;
    std::uint64_t answer_limit = 64u << 20;
  };

  /// unavailable: libcurl cannot be loaded.
  static Result<std::unique_ptr<Connection>> make(async::Loop& loop, Options options);
  ~WebConnection() override;

  async::Task<Result<Site>> open() override;
  async::Task<Reply> call(Call call) override;
  Millis asked_pause() const override;
  std::size_t free_slots() const override;
  Result<> check_identity(const Identity& identity) const override;
  async::Task<> close(Millis grace) override;

 private:
  struct Open;
  struct Question;

  WebConnection(async::Loop& loop, Options options, std::unique_ptr<worker::HttpTransfers> transfers);

  async::Task<Reply> enter(bool is_task);
  void leave(bool is_task);
  async::Task<Reply> ensure_known();
  async::Task<Reply> find_out();
  async::Task<Reply> find_end_point();
  async::Task<> find_contact();
  Reply check_version() const;
  async::Task<WebAnswer> ask(Question question);
  async::Task<WebAnswer> ask_once(const Question& question, Millis limit, worker::HttpResponse& response);
  async::Task<worker::HttpResponse> transfer(worker::HttpRequest request);
  void learn_closing();
  void break_off();

  async::Loop& loop_;
  Options options_;
  std::unique_ptr<worker::HttpTransfers> transfers_;
  Protocol protocol_;
  std::uint64_t last_id_ = 0;
  Site site_;
  Identity own_;  // 0 where the site does not say
  bool is_known_ = false;
  Reply trouble_;                                       // why it is not
  bool closes_unsaid_ = false;                          // kept connections, while we send
  std::chrono::steady_clock::time_point rest_until_{};  // what the site has asked for

  std::size_t tasks_ = 0;
  std::size_t calls_ = 0;  // tasks and others
  bool closing_ = false;
  async::Event freed_;     // a task may begin, or nobody gets one any more
  async::Event broken_;    // no time is left for what is open
  async::Event finished_;  // nothing is open
  async::Event knowing_;   // nobody is finding out
  std::set<std::shared_ptr<Open>> open_;
};

}  // namespace coworker::civi
