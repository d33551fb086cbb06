// Random lives of the embedded store on a simulated disk and clock.
//
//   simulation [SEEDS] [--from N] [--seed N] [--steps N]     --seed: that one, telling what happens
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "history.h"

int main(int argc, char** argv) {
  std::uint64_t seeds = 10'000;
  std::uint64_t from = 1;
  std::uint64_t only = 0;
  int steps = 200;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--seed")
      only = value();
    else if (word == "--from")
      from = value();
    else if (word == "--steps")
      steps = static_cast<int>(value());
    else if (word.find_first_not_of("0123456789") == std::string::npos)
      seeds = std::strtoull(word.c_str(), nullptr, 10);
    else
      return std::printf("usage: simulation [SEEDS] [--from N] [--seed N] [--steps N]\n"), 2;
  }
  if (only != 0) {
    const auto faults = coworker::simulation::History{only, true}.run(steps);
    for (const std::string& fault : faults)
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(only), fault.c_str());
    return faults.empty() ? 0 : 1;
  }
  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next{from};
  std::atomic<std::uint64_t> failed{0};
  std::mutex output;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed < from + seeds && failed < 10; seed = next++) {
      const auto faults = coworker::simulation::History{seed}.run(steps);
      if (!faults.empty()) {
        ++failed;
        const std::lock_guard lock{output};
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), faults.front().c_str());
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%llu histories of %d steps in %.1f s, %llu with faults\n", static_cast<unsigned long long>(seeds), steps,
              seconds, static_cast<unsigned long long>(failed.load()));
  return failed == 0 ? 0 : 1;
}
