// Loads one server and prints one line of JSON.
//
//   bench_load DIALECT ADDRESS MODE [--jobs N] [--seconds S] [--pipeline N] [--connections N] [--body BYTES]
//
//   pipeline  one connection; rounds of N adds, N claims of one job, N acks of one job, each sent at once
//   batch     the same, but one claim takes N jobs and one ack answers for N
//   parallel  many connections, each add, claim, ack, one request at a time
//   latency   one connection, one add at a time
//
// A run ends after --jobs jobs or --seconds, whichever comes first; a tenth of it before is not counted.
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"
#include "dialect.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Plan {
  std::string dialect;
  std::string address;
  std::string mode;
  std::size_t jobs = 200'000;
  double seconds = 5;
  std::size_t pipeline = 1'000;
  std::size_t connections = 64;
  std::size_t body = 200;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void read_replies(Connection& connection, const Dialect& dialect, std::size_t count, std::vector<std::string>* ids) {
  while (count > 0) {
    const std::optional<std::size_t> length = dialect.reply(connection.input(), ids);
    if (!length) {
      connection.receive();
      continue;
    }
    connection.consume(*length);
    --count;
  }
}

// One round of add, claim and ack; returns the number of jobs.
std::size_t round(Connection& connection, const Dialect& dialect, const Plan& plan, bool batch, std::string& out,
                  std::vector<std::string>& ids) {
  out.clear();
  for (std::size_t i = 0; i < plan.pipeline; ++i) dialect.add(out);
  connection.send(out);
  read_replies(connection, dialect, plan.pipeline, nullptr);

  out.clear();
  ids.clear();
  const std::size_t claims = batch ? 1 : plan.pipeline;
  for (std::size_t i = 0; i < claims; ++i) dialect.claim(plan.pipeline / claims, out);
  connection.send(out);
  read_replies(connection, dialect, claims, &ids);
  if (ids.size() != plan.pipeline) give_up("claimed " + std::to_string(ids.size()) + " jobs, not all that were added");

  out.clear();
  std::size_t replies = 0;
  if (batch) {
    replies = dialect.ack(ids, out);
  } else {
    for (const std::string& id : ids) replies += dialect.ack({&id, 1}, out);
  }
  connection.send(out);
  read_replies(connection, dialect, replies, nullptr);
  return ids.size();
}

void run_pipeline(const Plan& plan, const Dialect& dialect, bool batch) {
  Connection connection = Connection::open(plan.address);
  for (const std::string& request : dialect.setup()) {
    connection.send(request);
    read_replies(connection, dialect, 1, nullptr);
  }
  std::string out;
  std::vector<std::string> ids;
  const auto warm_up = Clock::now();
  for (std::size_t done = 0; done < plan.jobs / 10 && seconds_since(warm_up) < plan.seconds / 10;) {
    done += round(connection, dialect, plan, batch, out, ids);
  }
  const auto start = Clock::now();
  std::size_t done = 0;
  while (done < plan.jobs && seconds_since(start) < plan.seconds) {
    done += round(connection, dialect, plan, batch, out, ids);
  }
  const double elapsed = seconds_since(start);
  std::printf("{\"jobs\": %zu, \"seconds\": %.4f, \"rate\": %.1f}\n", done, elapsed,
              static_cast<double>(done) / elapsed);
}

// One of many connections: add, claim, ack, add, …
class Actor {
 public:
  Actor(const Plan& plan, const Dialect& dialect) : dialect_{dialect}, connection_{Connection::open(plan.address)} {}

  int descriptor() const { return connection_.descriptor(); }

  void ask() {
    out_.clear();
    switch (step_) {
      case Step::add:
        dialect_.add(out_);
        break;
      case Step::claim:
        dialect_.claim(1, out_);
        break;
      case Step::ack:
        dialect_.ack(ids_, out_);
        break;
    }
    connection_.send(out_);
  }

  // Takes what has come; true when that ended a job.
  bool answer() {
    connection_.receive();
    if (step_ == Step::add) ids_.clear();
    const std::optional<std::size_t> length = dialect_.reply(connection_.input(), &ids_);
    if (!length) return false;
    connection_.consume(*length);
    if (step_ == Step::claim && ids_.size() != 1) give_up("a claim found no job");
    const bool ended = step_ == Step::ack;
    step_ = step_ == Step::add ? Step::claim : step_ == Step::claim ? Step::ack : Step::add;
    ask();
    return ended;
  }

 private:
  enum class Step { add, claim, ack };

  const Dialect& dialect_;
  Connection connection_;
  Step step_ = Step::add;
  std::string out_;
  std::vector<std::string> ids_;
};

void run_parallel(const Plan& plan, const Dialect& dialect) {
  Connection control = Connection::open(plan.address);
  for (const std::string& request : dialect.setup()) {
    control.send(request);
    read_replies(control, dialect, 1, nullptr);
  }
  Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<std::unique_ptr<Actor>> actors;
  for (std::size_t i = 0; i < plan.connections; ++i) {
    actors.push_back(std::make_unique<Actor>(plan, dialect));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = actors.back().get();
    if (::epoll_ctl(poll.get(), EPOLL_CTL_ADD, actors.back()->descriptor(), &event) != 0) give_up("epoll", true);
  }
  for (const auto& actor : actors) actor->ask();

  auto start = Clock::now();
  bool warm = false;
  std::size_t done = 0;
  std::vector<epoll_event> events(plan.connections);
  while (done < plan.jobs && seconds_since(start) < plan.seconds) {
    const int ready = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), 1'000);
    for (int i = 0; i < ready; ++i) {
      done += static_cast<Actor*>(events[static_cast<std::size_t>(i)].data.ptr)->answer() ? 1 : 0;
    }
    if (!warm && (done >= plan.jobs / 10 || seconds_since(start) > plan.seconds / 10)) {
      warm = true;
      start = Clock::now();
      done = 0;
    }
  }
  const double elapsed = seconds_since(start);
  std::printf("{\"jobs\": %zu, \"seconds\": %.4f, \"rate\": %.1f}\n", done, elapsed,
              static_cast<double>(done) / elapsed);
}

void run_latency(const Plan& plan, const Dialect& dialect) {
  Connection connection = Connection::open(plan.address);
  for (const std::string& request : dialect.setup()) {
    connection.send(request);
    read_replies(connection, dialect, 1, nullptr);
  }
  std::string out;
  dialect.add(out);
  std::vector<double> micros;
  const auto start = Clock::now();
  while (micros.size() < plan.jobs && seconds_since(start) < plan.seconds) {
    const auto sent = Clock::now();
    connection.send(out);
    read_replies(connection, dialect, 1, nullptr);
    micros.push_back(seconds_since(sent) * 1e6);
  }
  micros.erase(micros.begin(), micros.begin() + static_cast<std::ptrdiff_t>(micros.size() / 10));
  if (micros.empty()) give_up("nothing was measured");
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double share) {
    return micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
  };
  std::printf("{\"jobs\": %zu, \"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f}\n", micros.size(), at(0.5), at(0.99),
              micros.back());
}

Plan parse(int argc, char** argv) {
  if (argc < 4) give_up("usage: bench_load DIALECT ADDRESS MODE [--jobs N] [--seconds S] …");
  Plan plan{.dialect = argv[1], .address = argv[2], .mode = argv[3]};
  for (int i = 4; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const double value = std::atof(argv[i + 1]);
    const auto count = static_cast<std::size_t>(value);
    if (name == "--seconds") {
      plan.seconds = value;
    } else if (name == "--jobs") {
      plan.jobs = count;
    } else if (name == "--pipeline") {
      plan.pipeline = count;
    } else if (name == "--connections") {
      plan.connections = count;
    } else if (name == "--body") {
      plan.body = count;
    } else {
      give_up("no such option: " + name);
    }
  }
  return plan;
}

int run(const Plan& plan) {
  const std::unique_ptr<Dialect> dialect = make_dialect(plan.dialect, plan.body);
  if (plan.mode == "pipeline") {
    run_pipeline(plan, *dialect, false);
  } else if (plan.mode == "batch") {
    if (!dialect->batches()) give_up(plan.dialect + " has no batches");
    run_pipeline(plan, *dialect, true);
  } else if (plan.mode == "parallel") {
    run_parallel(plan, *dialect);
  } else if (plan.mode == "latency") {
    run_latency(plan, *dialect);
  } else {
    give_up("no such mode: " + plan.mode);
  }
  return 0;
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  return coworker::bench::run(coworker::bench::parse(argc, argv));
}
