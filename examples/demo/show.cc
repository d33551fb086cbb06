#include "show.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

#include "coworker/producer.h"
#include "files.h"
#include "proof.h"
#include "supervisor.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostFiles = 2'000;
constexpr std::chrono::seconds kLimit{120};

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A folder of its own for all that the demonstration makes; removed at the end unless something went wrong.
class WorkFolder {
 public:
  WorkFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "coworker-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"cannot make a folder in " + name};
    path_ = name;
  }
  ~WorkFolder() {
    std::error_code ignored;
    if (!keep_) std::filesystem::remove_all(path_, ignored);
  }
  void keep() { keep_ = true; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool keep_ = false;
};

void write_file(const std::string& name, const std::string& content) {
  std::ofstream stream{name, std::ios::binary};
  stream << content;
  if (!stream) throw std::runtime_error{"cannot write " + name};
}

// The command worker: a shell script that knows nothing of coworker but its arguments. The body is a JSON text.
constexpr const char* kScript = R"script(#!/bin/sh
set -e
for word in "$@"; do
  case $word in --body=*) file=${word#--body=\"}; file=${file%\"} ;; esac
done
line=$(sha256sum -- "$file")
at=0
[ "$COWORKER_ATTEMPT" = 1 ] || at=$(date +%s%3N)
echo "$COWORKER_ATTEMPT $at ${line%% *} $file" >> "$DEMO_RESULTS"
)script";

void write_setup(const WorkFolder& work) {
  write_file(work.file("sha256.sh"), kScript);
  ::chmod(work.file("sha256.sh").c_str(), 0700);
  write_file(work.file("coworker.yml"), "store: file:" + work.file("data") +
                                            "\n"
                                            "consumer_defaults: { min_processes: 2, max_processes: 2, job_batch: 4 }\n"
                                            "queues:\n"
                                            "  sha256:\n"
                                            "    worker: { type: command, command: [" +
                                            work.file("sha256.sh") +
                                            "], environment: { DEMO_RESULTS: " + work.file("sha256") +
                                            " } }\n"
                                            "  crc:\n"
                                            "    worker: { type: inline, name: crc }\n");
}

std::size_t add_jobs(const WorkFolder& work, const std::vector<std::string>& files) {
  std::vector<std::string> bodies;
  for (const std::string& file : files) bodies.push_back("\"" + file + "\"");
  coworker::Producer producer{"file:" + work.file("data")};
  std::size_t added = 0;
  for (const char* queue : {"sha256", "crc"}) {
    for (const coworker::Added& each : producer.add_many(queue, bodies)) {
      if (!each) throw std::runtime_error{"adding to " + std::string{queue} + ": " + std::string{each.message()}};
      ++added;
    }
  }
  return added;
}

struct Reruns {
  std::size_t jobs = 0;        // that were run again after their attempt was killed
  std::int64_t first_end = 0;  // wall clock, ms
};

void count_reruns(const Results& results, Reruns& reruns) {
  for (const auto& [file, ends] : results) {
    for (const Result& end : ends) {
      if (end.attempt <= 1) continue;
      ++reruns.jobs;
      if (reruns.first_end == 0 || end.at_ms < reruns.first_end) reruns.first_end = end.at_ms;
    }
  }
}

struct Observed {
  double seconds = 0;          // from the first job's add to the last one's end
  std::int64_t killed_at = 0;  // wall clock, ms
  pid_t killed = 0;
  std::size_t done_at_kill = 0;
};

void show_progress(std::size_t done, std::size_t all, bool is_last) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r%zu of %zu jobs done%s", done, all, is_last ? "\n" : "");
}

// Two consumers are at work; one is killed, as by a power cut, when a third of the jobs is done.
void kill_one(Supervisor& supervisor, std::size_t done, Observed& observed) {
  const std::vector<pid_t> consumers = supervisor.consumers();
  if (consumers.size() < 2) return;
  observed.killed = consumers.front();
  observed.killed_at = wall_ms();
  observed.done_at_kill = done;
  ::kill(observed.killed, SIGKILL);
  std::cout << "killed consumer " << observed.killed << " (SIGKILL) after " << done << " jobs\n" << std::flush;
}

Observed wait_for_results(const WorkFolder& work, Supervisor& supervisor, std::size_t files, Clock::time_point begun) {
  Observed observed;
  while (true) {
    const std::size_t done = read_results(work.file("sha256")).size() + read_results(work.file("crc")).size();
    show_progress(done, 2 * files, done == 2 * files);
    if (done == 2 * files) break;
    if (observed.killed == 0 && done >= files / 3) kill_one(supervisor, done, observed);
    if (!supervisor.is_running()) throw std::runtime_error{"the supervisor has ended; see " + work.file("log")};
    if (Clock::now() - begun > kLimit) throw std::runtime_error{"not done in time; see " + work.file("log")};
    std::this_thread::sleep_for(milliseconds{20});
  }
  observed.seconds = seconds_since(begun);
  return observed;
}

bool print_verdict(const char* what, const char* program, const Verdict& verdict, std::size_t files) {
  std::cout << what << ": " << verdict.right << " of " << files << " as " << program << " says, " << verdict.missing
            << " missing, " << verdict.wrong << " wrong, " << verdict.again << " run to the end twice\n";
  return verdict.right == files;
}

// What is left in the store, by asking it as a user would.
std::string jobs_left(const WorkFolder& work) {
  const std::string out = work.file("left");
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command = "'" + program + "' jobs --json --limit 0 --store 'file:" + work.file("data") +
                              "' -c /dev/null > '" + out + "' 2>> '" + work.file("log") + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error{"cannot list the jobs that are left"};
  std::ifstream stream{out};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

bool run(const WorkFolder& work, const Input& input) {
  const std::size_t files = input.files.size();
  write_setup(work);
  ::setenv("DEMO_CRC_RESULTS", work.file("crc").c_str(), 1);
  Supervisor supervisor{work.file("coworker.yml"), work.file("log")};
  while (::access(work.file("data/broker.sock").c_str(), F_OK) != 0 && supervisor.is_running()) {
    std::this_thread::sleep_for(milliseconds{5});
  }
  const Clock::time_point begun = Clock::now();
  const std::size_t added = add_jobs(work, input.files);
  const double adding = seconds_since(begun);
  std::cout << "added " << added << " jobs in " << adding << " s ("
            << static_cast<std::int64_t>(static_cast<double>(added) / adding) << " a second, each synced to the disk)\n"
            << std::flush;
  const Observed observed = wait_for_results(work, supervisor, files, begun);
  const int code = supervisor.stop();

  const Results crc = read_results(work.file("crc"));
  const Results sha256 = read_results(work.file("sha256"));
  bool is_proven = print_verdict("inline C++ worker", "cksum",
                                 compare(input.files, crc, sums_by("cksum", input.files, work.path())), files);
  is_proven &= print_verdict("command worker (sh)", "sha256sum",
                             compare(input.files, sha256, sums_by("sha256sum", input.files, work.path())), files);
  const std::string left = jobs_left(work);
  std::cout << (left.empty() ? "no job is left in the store, and none is in the failure queue\n"
                             : "jobs are left:\n" + left);
  std::cout << added << " jobs in " << observed.seconds
            << " s: " << static_cast<std::int64_t>(static_cast<double>(added) / observed.seconds) << " a second\n";
  Reruns reruns;
  count_reruns(crc, reruns);
  count_reruns(sha256, reruns);
  if (observed.killed != 0 && reruns.jobs > 0) {
    std::cout << reruns.jobs
              << " jobs were running in the killed consumer and were run again; the first of them was done "
              << reruns.first_end - observed.killed_at << " ms after the kill\n";
  }
  if (observed.killed == 0) std::cout << "no consumer was killed: there were too few files\n";
  if (code != 0) std::cout << "the supervisor ended with code " << code << "\n";
  return is_proven && left.empty() && code == 0;
}

}  // namespace

int show(const std::string& folder) {
  const Input input = find_input(folder, kMostFiles);
  if (input.files.empty()) {
    std::cerr << "demo: there are no readable files in '" << input.folder << "'\n";
    return 1;
  }
  std::cout << input.files.size() << " files of " << input.folder << " (" << input.left_out
            << " left out: beyond the bound, unreadable, or oddly named)\n"
            << std::flush;
  WorkFolder work;
  try {
    if (run(work, input)) {
      std::cout << "every file was handled, none was lost\n";
      return 0;
    }
  } catch (const std::exception& problem) {
    std::cerr << "demo: " << problem.what() << "\n";
  }
  work.keep();
  std::cerr << "demo: failed; everything is kept in " << work.path() << "\n";
  return 1;
}
