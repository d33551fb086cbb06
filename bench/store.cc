// The embedded store in process, without a socket; prints one line of JSON.
//
//   bench_store add DIR [--jobs N] [--batch N] [--seconds S]     adds only
//   bench_store cycle DIR [--jobs N] [--batch N] [--seconds S]   add, claim and ack
//   bench_store backlog DIR [--jobs N] [--seconds S]             the same before and behind N waiting jobs,
//                                                                their memory, and the time to open again
//
// "written" is what the process gave to write(2) and its kin in the measured part, in bytes.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connection.h"
#include "store/embedded/embedded_store.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this thread, which is the store's: says more than the clock where others use the same processors.
double processor_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

std::uint64_t bytes_written() {
  std::ifstream file{"/proc/self/io"};
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// A store, and the loop it runs on.
class Bench {
 public:
  Bench(const std::string& directory, store::Durability durability) {
    auto opened = store::open_embedded(loop_, {.directory = directory, .durability = durability});
    if (!opened) give_up(opened.error().message());
    store_ = std::move(*opened);
  }
  ~Bench() {
    store_->close();
    loop_.poll();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void add(const std::string& queue, std::size_t count) {
    const std::string body(200, 'x');
    for (std::size_t i = 0; i < count; ++i) {
      job::Add add;
      add.queue = queue;
      add.body = body;
      apply(std::move(add), [](const job::Answer& answer) {
        const auto* added = std::get_if<job::Added>(&answer);
        if (added == nullptr || added->outcome != job::Added::Outcome::created) give_up("an add was refused");
      });
    }
    settle();
  }

  // Claims and acks; every job must be there.
  void work(const std::string& queue, std::size_t count) {
    job::Ack ack;
    job::Claim claim;
    claim.queues = {queue};
    claim.count = static_cast<std::uint32_t>(count);
    apply(std::move(claim), [&ack](const job::Answer& answer) {
      for (const job::Delivery& job : std::get<job::Claimed>(answer).jobs) ack.jobs.push_back({job.id, job.token});
    });
    settle();
    if (ack.jobs.size() != count) give_up("claimed " + std::to_string(ack.jobs.size()) + " jobs");
    apply(std::move(ack), [count](const job::Answer& answer) {
      if (std::get<job::Statuses>(answer).done() != static_cast<std::int64_t>(count)) give_up("an ack was refused");
    });
    settle();
  }

  job::StoreTotals totals() {
    job::StoreTotals totals;
    apply(job::Totals{}, [&totals](const job::Answer& answer) { totals = std::get<job::StoreTotals>(answer); });
    settle();
    return totals;
  }

 private:
  template <class Check>
  void apply(job::Command command, Check check) {
    ++open_;
    store_->apply(std::move(command), [this, check](Result<job::Answer> answer) {
      if (!answer) give_up(answer.error().message());
      check(*answer);
      --open_;
    });
  }

  void settle() {
    while (open_ > 0) {
      if (loop_.stopped()) loop_.restart();
      if (loop_.run_one() == 0) give_up("the store does not answer");
    }
  }

  async::Loop loop_;
  std::unique_ptr<store::Store> store_;
  std::size_t open_ = 0;
};

struct Plan {
  std::string mode;
  std::string directory;
  std::size_t jobs = 200'000;
  std::size_t batch = 1'000;
  double seconds = 3;
};

void run_rounds(const Plan& plan, bool work) {
  Bench bench{plan.directory, store::Durability::commit};
  const auto round = [&] {
    bench.add("bench", plan.batch);
    if (work) bench.work("bench", plan.batch);
  };
  for (int i = 0; i < 5; ++i) round();
  const std::uint64_t before = bytes_written();
  const double worked = processor_seconds();
  const auto start = Clock::now();
  std::size_t rounds = 0;
  while (rounds * plan.batch < plan.jobs && seconds_since(start) < plan.seconds) {
    round();
    ++rounds;
  }
  const double elapsed = seconds_since(start);
  const double jobs = static_cast<double>(rounds * plan.batch);
  std::printf("{\"rounds\": %zu, \"seconds\": %.6f, \"rate\": %.1f, \"cpu_us\": %.3f, \"written\": %llu}\n", rounds,
              elapsed, jobs / elapsed, 1e6 * (processor_seconds() - worked) / jobs,
              static_cast<unsigned long long>(bytes_written() - before));
}

struct Rate {
  double jobs = 0;    // a second
  double cpu_us = 0;  // a job
};

Rate rate(Bench& bench, const Plan& plan) {
  const double worked = processor_seconds();
  const auto start = Clock::now();
  std::size_t done = 0;
  while (seconds_since(start) < plan.seconds) {
    bench.add("bench", plan.batch);
    bench.work("bench", plan.batch);
    done += plan.batch;
  }
  const auto jobs = static_cast<double>(done);
  return {jobs / seconds_since(start), 1e6 * (processor_seconds() - worked) / jobs};
}

void run_backlog(const Plan& plan) {
  Rate empty;
  Rate full;
  double added = 0;
  std::uint64_t resident = 0;
  job::StoreTotals totals;
  {
    // Without syncs, so that the disk does not hide what the index costs.
    Bench bench{plan.directory, store::Durability::none};
    empty = rate(bench, plan);
    const std::uint64_t resident_before = resident_bytes();
    const std::uint64_t memory_before = bench.totals().memory;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < plan.jobs; i += plan.batch) bench.add("bench", plan.batch);
    added = static_cast<double>(plan.jobs) / seconds_since(start);
    totals = bench.totals();
    totals.memory -= memory_before;
    resident = resident_bytes() - resident_before;
    full = rate(bench, plan);
  }
  const auto start = Clock::now();
  Bench again{plan.directory, store::Durability::none};
  const double opened = seconds_since(start);
  if (again.totals().jobs != totals.jobs) give_up("jobs were lost while the store was closed");
  const double jobs = static_cast<double>(totals.jobs);
  std::printf(
      "{\"jobs\": %.0f, \"empty_rate\": %.1f, \"full_rate\": %.1f, \"add_rate\": %.1f, \"empty_cpu_us\": %.3f, "
      "\"full_cpu_us\": %.3f, \"index_bytes\": %.1f, "
      "\"resident_bytes\": %.1f, \"disk_bytes\": %.1f, \"open_seconds\": %.3f, \"reopened_rate\": %.1f}\n",
      jobs, empty.jobs, full.jobs, added, empty.cpu_us, full.cpu_us, static_cast<double>(totals.memory) / jobs,
      static_cast<double>(resident) / jobs, static_cast<double>(totals.disk) / jobs, opened, rate(again, plan).jobs);
}

Plan parse(int argc, char** argv) {
  if (argc < 3) give_up("usage: bench_store add|cycle|backlog DIR [--jobs N] [--batch N] [--seconds S]");
  Plan plan{.mode = argv[1], .directory = argv[2]};
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--jobs") {
      plan.jobs = std::strtoul(argv[i + 1], nullptr, 10);
    } else if (name == "--batch") {
      plan.batch = std::strtoul(argv[i + 1], nullptr, 10);
    } else if (name == "--seconds") {
      plan.seconds = std::atof(argv[i + 1]);
    } else {
      give_up("no such option: " + name);
    }
  }
  return plan;
}

int run(const Plan& plan) {
  if (plan.mode == "add") {
    run_rounds(plan, false);
  } else if (plan.mode == "cycle") {
    run_rounds(plan, true);
  } else if (plan.mode == "backlog") {
    run_backlog(plan);
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
