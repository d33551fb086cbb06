// Loop workers under their supervisor's part, which runs here. Prints one line of JSON. Keeper and workers are this
// program again.
//
//   bench_loops orders COUNT            pause and resume of a sleeping worker, until it has answered: ms
//   bench_loops restart COUNT           from SIGKILL of a worker until the next one has spun up: ms
//   bench_loops idle WORKERS SECONDS    CPU time of all processes while each does an empty round a second: share of one
//   bench_loops period COUNT            how far the starts of rounds, every 10 ms, are from when they are due: ms
#include "service/loops.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "connection.h"
#include "proc/keeper.h"
#include "proc/keeper_main.h"
#include "proc/program.h"
#include "service/run.h"
#include "worker/loop_main.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Times = std::vector<double>;  // milliseconds

constexpr Millis kPeriod{10};

double millis_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Does nothing, or answers to "starts" with when its rounds began, in microseconds.
struct Ticker : LoopWorker {
  Ticker() {
    on("starts", [this](const std::string&) {
      std::string text = "[";
      for (const auto at : starts_) text += std::to_string(at) + ",";
      text.back() = ']';
      return text;
    });
  }
  void loop() override {
    if (starts_.size() < 100'000) {
      starts_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count());
    }
  }
  std::vector<std::int64_t> starts_;
};

class System {
 public:
  System() {
    proc::Launch launch;
    launch.program = proc::own_program().value();
    launch.argv = {"coworker", service::kKeeperWord};
    launch.environment = proc::own_environment();
    proc::Keeper::Events events;
    events.on_gone = [this](std::uint32_t owner, std::uint32_t) { loops_->on_gone(owner); };
    events.on_lost = [] { give_up("the keeper died"); };
    auto keeper = proc::Keeper::start(loop_, std::move(launch), std::move(events));
    if (!keeper) give_up(keeper.error().message());
    keeper_ = std::move(*keeper);
    service::Loops::Setting setting;
    setting.environment = proc::own_environment();
    setting.keeper = [this] { return keeper_.get(); };
    setting.next_owner = [this] { return ++owners_; };
    loops_ = std::make_unique<service::Loops>(
        loop_, std::move(setting), service::Loops::Events{[this] { over_ = true; }, [](const std::string&) {}});
  }
  ~System() {
    loops_->stop(Millis{20'000});
    until([this] { return over_; });
    loops_.reset();
  }

  void run(std::size_t count, Millis looptime) {
    log::Options quiet;
    quiet.level = log::Level::error;
    std::vector<service::LoopConfig> configs(count);
    for (std::size_t i = 0; i < count; ++i) {
      configs[i].name = configs[i].id = configs[i].logger = "w" + std::to_string(i);
      configs[i].kind = service::LoopKind::inline_worker;
      configs[i].worker = "ticker";
      configs[i].looptime = looptime;
      configs[i].restarts = 0;
    }
    loops_->apply(configs, quiet);
    until([&] {
      const auto views = loops_->list();
      return std::all_of(views.begin(), views.end(), [](const auto& view) { return view.rounds > 0; });
    });
  }

  template <class Condition>
  void until(Condition condition) {
    const auto end = Clock::now() + std::chrono::seconds{120};
    while (!condition()) {
      if (Clock::now() > end) give_up("this takes too long");
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds{100});
    }
  }
  template <class T>
  T wait(async::Task<Result<T>> task) {
    std::optional<Result<T>> result;
    async::asio::co_spawn(loop_, std::move(task),
                          [&](const std::exception_ptr&, Result<T> value) { result.emplace(std::move(value)); });
    until([&] { return result.has_value(); });
    if (!*result) give_up(result->error().message());
    if constexpr (!std::is_void_v<T>) return std::move(**result);
  }

  service::Loops& loops() { return *loops_; }
  service::LoopView view() { return loops_->list().front(); }

 private:
  async::Loop loop_;
  std::unique_ptr<proc::Keeper> keeper_;
  std::unique_ptr<service::Loops> loops_;
  std::uint32_t owners_ = 0;
  bool over_ = false;
};

int show(Times times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double part) {
    return times[std::min(times.size() - 1, static_cast<std::size_t>(part * static_cast<double>(times.size())))];
  };
  std::printf("{\"count\": %zu, \"p50\": %.4f, \"p99\": %.4f, \"most\": %.4f}\n", times.size(), at(0.5), at(0.99),
              times.back());
  return 0;
}

int orders(std::size_t count) {
  System system;
  system.run(1, std::chrono::hours{1});
  Times times;
  while (times.size() < count) {
    const auto start = Clock::now();
    system.wait(system.loops().pause("w0"));
    times.push_back(millis_since(start));
    if (system.view().phase != worker::LoopPhase::paused) give_up("it is not paused");
    system.wait(system.loops().resume("w0"));
  }
  return show(std::move(times));
}

/// Each of a system of its own: who dies again and again is started ever later.
int restart(std::size_t count) {
  Times times;
  while (times.size() < count) {
    System system;
    system.run(1, std::chrono::hours{1});
    const pid_t pid = system.view().pid;
    const auto start = Clock::now();
    ::kill(pid, SIGKILL);
    system.until([&] {
      return system.view().pid != pid && system.view().phase == worker::LoopPhase::looping && system.view().pid != 0;
    });
    times.push_back(millis_since(start));
  }
  return show(std::move(times));
}

/// Microseconds that the threads of a process have run.
double cpu_of(pid_t pid) {
  double nanoseconds = 0;
  double total = 0;
  for (const auto& task : std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task"}) {
    std::ifstream own{task.path() / "schedstat"};
    if (own >> nanoseconds) total += nanoseconds;
  }
  return total / 1e3;
}

int idle(std::size_t count, double seconds) {
  System system;
  system.run(count, Millis{1'000});
  const auto spent = [&] {
    double total = cpu_of(::getpid());
    for (const service::LoopView& view : system.loops().list()) total += cpu_of(view.pid);
    return total;
  };
  const double before = spent();
  const auto start = Clock::now();
  system.until([&] { return millis_since(start) >= seconds * 1e3; });
  const double share = (spent() - before) / 1e3 / millis_since(start);
  std::printf("{\"workers\": %zu, \"share\": %.5f}\n", count, share);
  return 0;
}

int period(std::size_t count) {
  System system;
  system.run(1, kPeriod);
  system.until([&] { return system.view().rounds > count; });
  const boost::json::value starts = system.wait(system.loops().send("w0", "starts", {}));
  const auto& list = starts.as_array();
  Times times;
  // Each against the one before it: what a late start costs the next one is its error, too.
  for (std::size_t i = 1; i <= count; ++i) {
    const auto step = static_cast<double>(list.at(i).as_int64() - list.at(i - 1).as_int64()) / 1e3;
    times.push_back(std::abs(step - static_cast<double>(kPeriod.count())));
  }
  return show(std::move(times));
}

int run_worker() {
  const Result<std::string> text = read_all(worker::kLoopSpecFd);
  const auto spec = worker::parse_loop_spec(text.value_or(""));
  if (!spec) return 2;
  if (!log::configure(spec->log)) return 2;
  worker::Registry registry;
  registry.add_loop("ticker", {[] { return std::make_unique<Ticker>(); }});
  return worker::loop_main(*spec, registry);
}

int run(const std::string& word, const char* first, const char* second) {
  log::Options quiet;
  quiet.level = log::Level::critical;
  if (!log::configure(quiet)) return 2;
  const auto count = static_cast<std::size_t>(std::atoll(first));
  if (word == "orders") return orders(count);
  if (word == "restart") return restart(count);
  if (word == "idle") return idle(count, std::atof(second));
  if (word == "period") return period(count);
  return 2;
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  using namespace coworker;
  if (argc > 1 && std::strcmp(argv[1], service::kKeeperWord) == 0) return proc::keeper_main(3);
  if (argc > 1 && std::strcmp(argv[1], service::kLoopWord) == 0) return bench::run_worker();
  return argc > 2 ? bench::run(argv[1], argv[2], argc > 3 ? argv[3] : "10") : 2;
}
