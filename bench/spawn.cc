// Starts a program with proc::spawn again and again, each time waiting for its end; prints one line of JSON.
//
//   bench_spawn COUNT PROGRAM [ARG…]
#include "proc/spawn.h"

#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "connection.h"

namespace coworker::bench {
namespace {

using Clock = std::chrono::steady_clock;

int run(int count, const proc::Launch& launch) {
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    const Result<proc::Process> process = proc::spawn(launch);
    if (!process) give_up(process.error().message());
    int status = 0;
    if (::waitpid(process->pid, &status, 0) != process->pid || status != 0) give_up("the program failed");
  }
  std::printf("{\"seconds\": %.6f}\n", std::chrono::duration<double>(Clock::now() - start).count());
  return 0;
}

}  // namespace
}  // namespace coworker::bench

int main(int argc, char** argv) {
  if (argc < 3) coworker::bench::give_up("usage: bench_spawn COUNT PROGRAM [ARG…]");
  coworker::proc::Launch launch;
  launch.argv.assign(argv + 2, argv + argc);
  launch.environment = coworker::proc::own_environment();
  return coworker::bench::run(std::atoi(argv[1]), launch);
}
