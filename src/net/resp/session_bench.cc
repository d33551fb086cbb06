#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/check.h"
#include "base/fd.h"
#include "channel/resp/encode.h"
#include "channel/resp/request_decoder.h"
#include "net/resp/server.h"

namespace coworker::net::resp {
namespace {

/// Answers everything at once and keeps nothing: what is left is the protocol.
class NullStore final : public store::Store {
 public:
  void apply(job::Command command, Done done) override {
    if (std::holds_alternative<job::Add>(command)) return done(job::Added{});
    if (const auto* ack = std::get_if<job::Ack>(&command)) {
      return done(job::Statuses{std::vector<job::Status>(ack->jobs.size(), job::Status::done)});
    }
    if (const auto* claim = std::get_if<job::Claim>(&command)) {
      job::Claimed claimed;
      claimed.jobs.resize(claim->count);
      for (job::Delivery& job : claimed.jobs) {
        job.queue = claim->queues.front();
        job.body.assign(200, 'x');
      }
      return done(std::move(claimed));
    }
    done(job::Answer{});
  }
  store::Capabilities capabilities() const override { return {}; }
  std::string url() const override { return "null:"; }
  void close() override {}
};

/// A server and one client of it on the same thread: the time is that of both, and of the kernel.
class Pair {
 public:
  Pair() : folder_{std::filesystem::temp_directory_path() / ("session-bench-" + std::to_string(::getpid()))} {
    std::filesystem::create_directory(folder_);
    const std::string path = (folder_ / "socket").string();
    ServerOptions options;
    options.listen.push_back(*channel::parse_address("unix:" + path));
    server_ = std::make_unique<Server>(loop_, store_, std::move(options));
    CW_CHECK(server_->listen().has_value());
    client_ = Fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    CW_CHECK(::connect(client_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    const int size = 4 << 20;
    ::setsockopt(client_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    loop_.poll();
  }
  ~Pair() {
    async::Gate gate{loop_.get_executor()};
    gate.spawn("stop", server_->stop(Millis{100}));
    while (gate.running() > 0) loop_.run_one();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  /// Sends the requests and takes replies until `bytes` of them have come.
  void exchange(std::string_view requests, std::size_t bytes) {
    std::size_t received = 0;
    while (received < bytes) {
      if (!requests.empty()) {
        const ssize_t sent = ::send(client_.get(), requests.data(), requests.size(), MSG_DONTWAIT);
        if (sent > 0) requests.remove_prefix(static_cast<std::size_t>(sent));
      }
      loop_.poll();
      const ssize_t size = ::recv(client_.get(), buffer_, sizeof buffer_, MSG_DONTWAIT);
      if (size > 0) received += static_cast<std::size_t>(size);
    }
  }

 private:
  std::filesystem::path folder_;
  async::Loop loop_{1};
  NullStore store_;
  std::unique_ptr<Server> server_;
  Fd client_;
  char buffer_[1 << 20];
};

void run(benchmark::State& state, std::initializer_list<std::string_view> words, std::size_t reply) {
  Pair pair;
  const auto count = static_cast<std::size_t>(state.range(0));
  std::string requests;
  for (std::size_t i = 0; i < count; ++i) channel::resp::append_request(requests, words);
  for (auto _ : state) pair.exchange(requests, count * reply);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

const std::string kBody(200, 'b');

void add(benchmark::State& state) {
  run(state, {"ADDJOB", "queue", kBody, "0", "RETRY", "60"}, 43);
}
void ping(benchmark::State& state) {
  run(state, {"PING"}, 7);
}
void ack(benchmark::State& state) {
  run(state, {"ACKJOB", "D-00000000-abcdefghijklmnopqrstuvwx-05a1"}, 4);
}
void claim(benchmark::State& state) {
  run(state, {"GETJOB", "NOHANG", "FROM", "queue"}, 4 + 4 + 11 + 47 + 208);
}
BENCHMARK(add)->Arg(1)->Arg(1000);
BENCHMARK(ping)->Arg(1)->Arg(1000);
BENCHMARK(ack)->Arg(1000);
BENCHMARK(claim)->Arg(1000);

void decode(benchmark::State& state) {
  std::string requests;
  for (int i = 0; i < 1000; ++i) {
    channel::resp::append_request(requests, {"ADDJOB", "queue", kBody, "0", "RETRY", "60"});
  }
  channel::resp::RequestDecoder decoder;
  for (auto _ : state) {
    std::string_view left = requests;
    while (!left.empty()) {
      CW_CHECK(decoder.next(left) == channel::resp::RequestDecoder::Step::request);
      left.remove_prefix(decoder.consumed());
    }
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(decode);

}  // namespace
}  // namespace coworker::net::resp
