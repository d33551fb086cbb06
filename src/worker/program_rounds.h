#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "worker/line_process.h"
#include "worker/loop_page.h"
#include "worker/loop_spec.h"
#include "worker/pipe_worker.h"
#include "worker/process_options.h"
#include "worker/rounds.h"

namespace coworker::worker {

/// A program that is started for each round, without a shell, in a process group of its own. What it prints is in the
/// log. Exit code 0: a good round; another one, or a signal: a failed one. What it leaves running in its group is
/// killed before the round is over. A stop lets it finish for a while, then SIGTERM, then SIGKILL.
///
///   COWORKER_LOOP, COWORKER_LOOP_ID    the worker's name and id
///   COWORKER_ROUND                     1 for the first of this process
///   COWORKER_REPORT                    a path to write lines to, as for command_worker.h: each is a sign of life
class CommandRounds : public Rounds {
 public:
  CommandRounds(async::Loop& loop, ProcessOptions options, const LoopSpec& spec, LoopPage& page);

  void round(std::uint64_t number, Done done) override;
  void command(std::string word, boost::json::value arguments, Reply reply) override;
  void hurry() override;

 private:
  async::Loop& loop_;
  ProcessOptions options_;
  std::string name_;
  Millis stop_grace_;
  LoopPage& page_;
  std::shared_ptr<LineProcess> process_;  // of the running round
  boost::asio::steady_timer timer_;
};

/// A pipe worker with one process, which is told each round as it would be told a job: queue is the loop worker's name,
/// body {"round":N}. A command of the author's is one with body {"command":"word","arguments":…}, and its result, JSON
/// or a text, is the reply. What it reports is a sign of life.
class PipeRounds : public Rounds {
 public:
  PipeRounds(async::Loop& loop, ProcessOptions options, const LoopSpec& spec, LoopPage& page);

  void round(std::uint64_t number, Done done) override;
  void command(std::string word, boost::json::value arguments, Reply reply) override;
  void hurry() override;
  void close() override;

 private:
  void ask(std::string body, std::function<void(Outcome)> then);

  std::string name_;
  Millis stop_grace_;
  Millis kill_grace_;
  LoopPage& page_;
  std::unique_ptr<PipeWorker> pool_;
  std::shared_ptr<Execution> execution_;
  std::uint64_t asked_ = 0;
  boost::asio::steady_timer timer_;
};

}  // namespace coworker::worker
