#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "async/loop.h"
#include "base/check.h"
#include "channel/resp/reply_decoder.h"
#include "net/resp/command.h"
#include "net/resp/node.h"
#include "net/resp/session.h"

using namespace coworker;
using namespace coworker::net::resp;

namespace {

/// Gives every command an answer of its kind, every other one late.
class AnsweringStore final : public store::Store {
 public:
  void apply(job::Command command, Done done) override {
    job::Answer answer = std::visit(*this, command);
    if (++count_ % 2 == 0) return done(std::move(answer));
    late_.push_back({std::move(done), std::move(answer)});
  }
  store::Capabilities capabilities() const override { return {}; }
  std::string url() const override { return "fuzz:"; }
  void close() override {
    while (!late_.empty()) {
      auto [done, answer] = std::move(late_.front());
      late_.pop_front();
      done(std::move(answer));
    }
  }

  job::Answer operator()(const job::Add&) const { return job::Added{}; }
  job::Answer operator()(const job::Claim& claim) const {
    job::Claimed claimed;
    if (count_ % 3 == 0) claimed.jobs.push_back({.queue = claim.queues.front(), .body = "body"});
    return claimed;
  }
  job::Answer operator()(const job::CancelClaim&) const { return statuses(1); }
  job::Answer operator()(const job::Ack& ack) const { return statuses(ack.jobs.size()); }
  job::Answer operator()(const job::Release& release) const { return statuses(release.jobs.size()); }
  job::Answer operator()(const job::Extend& extend) const { return statuses(extend.jobs.size()); }
  job::Answer operator()(const job::Enqueue& enqueue) const { return statuses(enqueue.jobs.size()); }
  job::Answer operator()(const job::Dequeue& dequeue) const { return statuses(dequeue.jobs.size()); }
  job::Answer operator()(const job::Remove& remove) const { return statuses(remove.jobs.size()); }
  job::Answer operator()(const job::Retry& retry) const { return statuses(retry.items.size()); }
  job::Answer operator()(const job::Bury& bury) const { return statuses(bury.items.size()); }
  job::Answer operator()(const job::MoveDead& move) const { return statuses(move.items.size()); }
  job::Answer operator()(const job::Disown&) const { return job::Count{}; }
  job::Answer operator()(const job::ForgetRegisters&) const { return job::Count{}; }
  job::Answer operator()(const job::Working&) const { return job::Worked{}; }
  job::Answer operator()(const job::SetQueue&) const { return job::QueueView{}; }
  job::Answer operator()(const job::Purge&) const { return job::Count{}; }
  job::Answer operator()(const job::Show&) const { return count_ % 3 == 0 ? job::Answer{} : job::Answer{job::View{}}; }
  job::Answer operator()(const job::QueueStat&) const {
    return count_ % 3 == 0 ? job::Answer{} : job::Answer{job::QueueView{}};
  }
  job::Answer operator()(const job::Peek&) const { return job::Views{.jobs = {job::View{}}}; }
  job::Answer operator()(const job::ScanQueues& scan) const {
    return job::QueuePage{.cursor = scan.cursor < 3 ? scan.cursor + 1 : 0, .queues = {job::QueueView{}}};
  }
  job::Answer operator()(const job::ScanJobs& scan) const {
    return job::Views{.cursor = scan.cursor < 3 ? scan.cursor + 1 : 0, .jobs = {job::View{}}};
  }
  job::Answer operator()(const job::Totals&) const { return job::StoreTotals{}; }
  job::Answer operator()(const job::Held& held) const { return statuses(held.jobs.size()); }
  job::Answer operator()(const job::Record& record) const { return job::Count{record.items.size()}; }
  job::Answer operator()(const job::History& history) const {
    return job::HistoryPage{history.after + 1, {R"({"event":"failed"})"}};
  }

 private:
  static job::Answer statuses(std::size_t count) { return job::Statuses{std::vector<job::Status>(count)}; }

  struct Late {
    Done done;
    job::Answer answer;
  };
  std::deque<Late> late_;
  std::size_t count_ = 0;
};

class TurningHost final : public Host {
 public:
  void later(Session&) override { wanted = true; }
  void after(Millis, std::function<void()> work) override { timers.push_back(std::move(work)); }
  void pause(Millis) override {}
  void ended(Session&) override { is_over = true; }
  void shut_down() override {}

  bool wanted = false;
  bool is_over = false;
  std::deque<std::function<void()>> timers;
};

/// Gives a session what is due until nothing is.
void settle(async::Loop& loop, TurningHost& host, AnsweringStore& store, Session& session) {
  do {
    host.wanted = false;
    session.turn();
    loop.restart();
    loop.poll();
    store.close();
    while (!host.timers.empty()) {
      const auto work = std::move(host.timers.front());
      host.timers.pop_front();
      work();
    }
  } while (host.wanted);
}

}  // namespace

/// Whatever a client sends, each of its requests gets one reply in good form, and the session ends when the
/// client has gone.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  async::Loop loop{1};
  AnsweringStore store;
  TurningHost host;
  Node node{store, host, Identity{}, Settings{}, Limits{.open_replies = 16}};
  node.stats.commands.resize(commands().size());
  int ends[2];
  CW_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  Fd client{ends[1]};
  Session session{loop.get_executor(), node, 1, Fd{ends[0]}, net::Peer{}};
  node.sessions.emplace(1, &session);
  session.start();
  const std::size_t half = size / 2;
  for (const std::string_view part : {std::string_view{reinterpret_cast<const char*>(data), half},
                                      std::string_view{reinterpret_cast<const char*>(data) + half, size - half}}) {
    static_cast<void>(::send(client.get(), part.data(), part.size(), MSG_NOSIGNAL));
    settle(loop, host, store, session);
  }
  std::string output;
  char buffer[64 * 1024];
  for (ssize_t got = 0; (got = ::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
    output.append(buffer, static_cast<std::size_t>(got));
    settle(loop, host, store, session);
  }
  channel::resp::ReplyDecoder decoder;
  std::string_view left = output;
  while (!left.empty()) {
    CW_CHECK(decoder.next(left) == channel::resp::ReplyDecoder::Step::reply);
    left.remove_prefix(decoder.consumed());
  }
  client.reset();
  session.close();
  settle(loop, host, store, session);
  CW_CHECK(host.is_over);
  CW_CHECK(node.buffered_requests == 0);
  return 0;
}
