#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "job/envelope.h"
#include "proc/launch.h"
#include "proc/process_table.h"
#include "running_program.h"

namespace coworker::chaos {
namespace {

constexpr int kJobs = 100'000;
constexpr int kCommandJobs = 300;
constexpr int kKills = 60;

/// A broker and a program that runs jobs, each killed again and again while a great many jobs are done. Every job says
/// in the file `effects` that it was done, by which process and under which parent: "NUMBER PID PARENT".
class MassChaos : public RunningProgram {
 protected:
  struct Effect {
    pid_t pid = 0;
    pid_t parent = 0;
  };

  std::string program() const {
    const char* bin = std::getenv("COWORKER_BIN");
    return std::string{bin != nullptr ? bin : "."} + "/chaos_program";
  }

  proc::Process launch(std::vector<std::string> words) const {
    proc::Launch launch;
    launch.argv = std::move(words);
    launch.argv.insert(launch.argv.begin(), program());
    launch.environment = proc::own_environment();
    proc::set_variable(launch.environment, "CHAOS_DIR", folder_);
    launch.fds = {-1, 2, 2};
    Result<proc::Process> process = proc::spawn(launch);
    EXPECT_TRUE(process);
    return std::move(*process);
  }

  void start_broker() {
    broker_ = launch({"broker", "--data", folder_ + "/data", "--listen", "unix:" + folder_ + "/data/broker.sock", "-c",
                      folder_ + "/coworker.yml"});
  }

  void start_run() {
    program_ = launch({"run", "-c", folder_ + "/coworker.yml", "--store", "unix:" + folder_ + "/data/broker.sock"});
  }

  void configure() const {
    std::ofstream{folder_ + "/coworker.yml"} << fmt::format(
        R"({{"lease": "2s", "stop_grace": "10s", "kill_grace": "200ms", "log": {{"file": "{0}/log"}},
 "queues": {{
  "mass": {{"worker": {{"type": "inline"}}, "failure_strategy": "retry_immediately"}},
  "command": {{"worker": {{"type": "command", "command": ["sh", "-c", "echo \"${{2#--body=}} $$ $PPID\" >> {0}/effects", "sh"]}},
              "failure_strategy": "retry_immediately"}}}},
 "consumers": [{{"queues": ["mass", "command"], "min_processes": 2, "max_processes": 2, "job_batch": 10, "prefetch": 50}}]}})",
        folder_);
  }

  void add_all() {
    int open = 0;
    for (int i = 0; i < kJobs; ++i) {
      job::Add add;
      add.queue = i % (kJobs / kCommandJobs) == 0 ? "command" : "mass";
      add.body = job::make_envelope(std::to_string(i));
      ++open;
      store_->apply(std::move(add), [&open](const Result<job::Answer>& answer) {
        EXPECT_TRUE(answer) << answer.error().message();
        --open;
      });
      if (open > 1'000) wait_until([&] { return open < 500; });
    }
    ASSERT_TRUE(wait_until([&] { return open == 0; }));
  }

  std::int64_t bytes_of_effects() const {
    struct stat info{};
    return ::stat((folder_ + "/effects").c_str(), &info) == 0 ? info.st_size : 0;
  }

  std::vector<pid_t> children_of(pid_t parent) const {
    std::vector<pid_t> out;
    for (const proc::ProcessRow& row : proc::list_processes()) {
      if (row.parent == parent && !row.dead()) out.push_back(row.pid);
    }
    return out;
  }

  std::vector<pid_t> consumers() const {
    std::vector<pid_t> out = children_of(program_.pid);
    std::erase(out, keeper());
    return out;
  }

  void strike(pid_t pid) {
    if (pid <= 1) return;
    killed_.insert(pid);
    ::kill(pid, SIGKILL);
  }

  void strike_run() {
    for (const pid_t pid : consumers()) killed_.insert(pid);
    EXPECT_EQ(end(SIGKILL), -SIGKILL);
    start_run();
  }

  void strike_broker() {
    std::swap(program_, broker_);
    EXPECT_EQ(end(SIGKILL), -SIGKILL);
    std::swap(program_, broker_);
    start_broker();
  }

  void strike_something() {
    const std::vector<pid_t> all = consumers();
    const pid_t one = all.empty() ? 0 : all[random_() % all.size()];
    const unsigned roll = random_() % 20;
    if (roll < 10) return strike(one);
    if (roll < 13) {
      for (const pid_t consumer : all) {
        for (const pid_t worker : children_of(consumer)) return strike(worker);
      }
      return strike(one);
    }
    if (roll < 15) return strike(keeper());
    roll < 17 ? strike_run() : strike_broker();
  }

  std::map<int, std::vector<Effect>> effects() const {
    std::map<int, std::vector<Effect>> out;
    std::ifstream file{folder_ + "/effects"};
    int number = 0;
    Effect effect;
    while (file >> number >> effect.pid >> effect.parent) out[number].push_back(effect);
    return out;
  }

  proc::Process broker_;
  std::set<pid_t> killed_;
  std::mt19937 random_{20'260'101};
};

TEST_F(MassChaos, EveryJobHasItsEffectWhateverIsKilled) {
  configure();
  start_broker();
  open_store();
  add_all();
  start_run();
  // By progress, not by time: as many kills, however fast the machine is.
  const std::int64_t each = std::int64_t{kJobs} * 16 / kKills;
  for (int i = 1; i <= kKills; ++i) {
    wait_until([&] {
      return bytes_of_effects() >= i * each ||
             (i % 16 == 0 && std::get<job::StoreTotals>(ask(job::Totals{})).ready == 0);
    });
    strike_something();
  }
  EXPECT_TRUE(wait_until([&] {
    const auto totals = std::get<job::StoreTotals>(ask(job::Totals{}));
    return totals.jobs == totals.buried || totals.jobs == 0;
  })) << "not all jobs are answered for";
  const auto totals = std::get<job::StoreTotals>(ask(job::Totals{}));
  EXPECT_EQ(totals.buried, 0u) << "an innocent job was buried";
  EXPECT_EQ(totals.jobs, 0u);
  EXPECT_EQ(end(SIGTERM), 0);
  std::swap(program_, broker_);
  EXPECT_EQ(end(SIGTERM), 0);

  const auto done = effects();
  EXPECT_EQ(done.size(), static_cast<std::size_t>(kJobs)) << "jobs without an effect";
  int repeated = 0;
  for (const auto& [number, each_effect] : done) {
    for (std::size_t i = 0; i + 1 < each_effect.size(); ++i) {
      ++repeated;
      EXPECT_TRUE(killed_.contains(each_effect[i].pid) || killed_.contains(each_effect[i].parent))
          << "job " << number << " was done again though nobody was killed at it";
    }
  }
  fmt::print("{} jobs, {} processes killed, {} effects repeated\n", done.size(), killed_.size(), repeated);
}

}  // namespace
}  // namespace coworker::chaos
