#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/loop.h"
#include "civi/connection.h"
#include "civi/pipe_conversation.h"
#include "worker/pipe_worker.h"

namespace coworker::civi {

/// Calls of APIv4 over processes of `Civi::pipe()`: a pool of them, each of which has logged in as one identity at
/// most.
class PipeConnection : public Connection {
 public:
  struct Options {
    std::string command;                          // for /bin/sh -c
    std::map<std::int64_t, std::string> domains;  // instead of it, for tasks of that domain
    std::string directory;                        // empty: ours
    std::vector<std::string> environment;         // complete
    std::function<int()> keeper;                  // see proc::Launch; none: without
    worker::PoolLimits limits;
    PipeConversation::Terms terms;
    Millis timeout{60'000};  // of a call that has none of its own
    Millis grace{3'000};     // from the end of a process's input to SIGKILL; SIGTERM at half of it
  };

  PipeConnection(async::Loop& loop, Options options);
  ~PipeConnection() override;

  async::Task<Result<Site>> open() override;
  void learn(const Site& site) override;
  async::Task<Reply> call(Call call) override;
  std::size_t free_slots() const override { return pool_->free_slots(); }
  void when_freed(std::function<void()> then) override { when_freed_ = std::move(then); }
  Result<> check_identity(const Identity& identity) const override;
  async::Task<> close(Millis grace) override;

 private:
  struct Pending;

  std::shared_ptr<Pending> start(Call call);
  Reply reply_of(Pending& pending) const;
  void stop_all(bool only_waiting);
  std::unique_ptr<worker::Conversation> converse(const std::string& context, worker::ProcessOptions& options);

  async::Loop& loop_;
  Options options_;
  std::unique_ptr<worker::PipeWorker> pool_;
  PipeConversation::Greeted greeted_;
  std::map<std::string, Identity> contexts_;
  std::int64_t own_domain_ = 0;  // 0: not known
  std::map<std::uint64_t, std::shared_ptr<Pending>> open_;
  std::uint64_t last_ = 0;
  async::Event idle_;   // no call is open
  async::Event empty_;  // no process is left
  std::function<void()> when_freed_;
};

}  // namespace coworker::civi
