// Empty jobs through workers in this process, and the bare limit of a pipe worker; prints one line of JSON.
//
//   bench_workers bare COUNT                       a ping-pong over two pipes with lines as large as ours
//   bench_workers pipe COUNT                       the same through a pipe worker
//   bench_workers isolated COUNT PARALLEL          jobs of a function that does nothing, so many at a time
//   bench_workers command COUNT PARALLEL PROGRAM   jobs of a program
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "async/spin.h"
#include "base/build.h"
#include "connection.h"
#include "coworker/app.h"
#include "proc/launch.h"
#include "proc/program.h"
#include "service/run.h"
#include "worker/command_worker.h"
#include "worker/isolated_worker.h"
#include "worker/json_conversation.h"
#include "worker/pipe_worker.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kId = "D-00112233-0123456789abcdef0123-05a1";

worker::Job job() {
  worker::Job made;
  made.id = kId;
  made.queue = "bench";
  made.body = '"' + std::string(198, 'x') + '"';
  return made;
}

int tell(int count, Clock::time_point start) {
  std::printf("{\"seconds\": %.6f, \"count\": %d}\n", std::chrono::duration<double>(Clock::now() - start).count(),
              count);
  return 0;
}

void write_all(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) give_up("short write");
}

/// Answers each line; lines are shorter than what a pipe moves at once.
int serve() {
  const std::string answer = worker::json_answer(kId, worker::Outcome::ok());
  char part[65'536];
  for (ssize_t got = ::read(3, part, sizeof part); got > 0; got = ::read(3, part, sizeof part)) {
    if (part[got - 1] == '\n') write_all(4, answer);
  }
  return 0;
}

int bare(int count) {
  int to[2];
  int from[2];
  if (::pipe(to) != 0 || ::pipe(from) != 0) give_up("make pipes");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(to[0], 30);
    ::dup2(from[1], 31);
    ::dup2(30, 3);
    ::dup2(31, 4);
    for (int fd = 5; fd < 32; ++fd) ::close(fd);
    ::_exit(serve());
  }
  const std::string request = worker::json_request(job(), true);
  char answer[4096];
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    write_all(to[1], request);
    if (::read(from[0], answer, sizeof answer) <= 0) give_up("no answer");
  }
  tell(count, start);
  ::close(to[1]);
  ::waitpid(child, nullptr, 0);
  return 0;
}

/// Starts the next job as soon as one has ended.
class Feeder {
 public:
  Feeder(async::Loop& loop, worker::Worker& to, int count) : loop_{loop}, worker_{to}, left_{count}, count_{count} {}

  int run(int parallel) {
    const auto start = Clock::now();
    for (int i = 0; i < parallel; ++i) next();
    async::Spin spin;
    while (ended_ < count_) async::run_some_spinning(loop_, spin);
    tell(count_, start);
    worker_.close();
    loop_.run();
    return 0;
  }

 private:
  void next() {
    if (left_ == 0) return;
    --left_;
    worker::Watcher watcher;
    watcher.on_end = [this](const worker::Outcome& outcome) {
      if (outcome.kind != worker::Outcome::Kind::ok) give_up(outcome.reason);
      ++ended_;
      next();
    };
    worker_.start(job(), std::move(watcher));
  }

  async::Loop& loop_;
  worker::Worker& worker_;
  int left_;
  int count_;
  int ended_ = 0;
};

worker::ProcessOptions options_of(std::vector<std::string> command) {
  worker::ProcessOptions options;
  options.command = std::move(command);
  options.environment = proc::own_environment();
  return options;
}

int through_worker(int count) {
  async::Loop loop;
  worker::ProcessOptions options = options_of({"bench_workers", "serve"});
  options.program = proc::own_program().value_or(-1);
  worker::PipeWorker pool{loop, options, {}, [](const std::string&, worker::ProcessOptions&) {
                            return std::make_unique<worker::JsonConversation>();
                          }};
  return Feeder{loop, pool, count}.run(1);
}

int isolated(int count, int parallel) {
  async::Loop loop;
  worker::ProcessOptions options = options_of({"coworker", service::kIsolatedWord, build_id(), "", "nothing"});
  options.program = proc::own_program().value_or(-1);
  worker::IsolatedWorker isolated_worker{loop, options};
  return Feeder{loop, isolated_worker, count}.run(parallel);
}

int commands(int count, int parallel, const char* program) {
  async::Loop loop;
  worker::CommandWorker command{loop, options_of({program})};
  return Feeder{loop, command, count}.run(parallel);
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  using namespace coworker::bench;
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "serve") return serve();
  if (mode == coworker::service::kIsolatedWord && argc == 5) {
    coworker::App app;
    app.worker("nothing", [](const coworker::Job&) {});
    return app.run(argc, argv);
  }
  const int count = argc > 2 ? std::atoi(argv[2]) : 0;
  if (mode == "bare") return bare(count);
  if (mode == "pipe") return through_worker(count);
  if (mode == coworker::service::kIsolatedWord && argc == 4) return isolated(count, std::atoi(argv[3]));
  if (mode == "command" && argc == 5) return commands(count, std::atoi(argv[3]), argv[4]);
  give_up("usage: bench_workers bare|pipe COUNT, isolated COUNT PARALLEL, command COUNT PARALLEL PROGRAM");
}
