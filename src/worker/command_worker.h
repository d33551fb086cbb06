#pragma once

#include "async/loop.h"
#include "worker/process_options.h"
#include "worker/worker.h"

namespace coworker::worker {

/// Does a job by running a program, without a shell, in a process group of its own. docs/workers.md is the same for
/// authors of workers.
///
///   arguments     the program's own words, then --queue=Q --body=B --metadata=M; B is the JSON of the body alone, M
///                 that of the metadata, both to the byte
///   large bodies  an argument holds 128 KiB. A larger body is on standard input, and the argument is --body=- (no
///                 JSON text is "-"). When the metadata is too large too, both say "-" and standard input has the
///                 whole envelope {"body":…,"metadata":…}. Else standard input is /dev/null
///   environment   the consumer's own, then the worker's, then COWORKER_JOB_ID, COWORKER_ATTEMPT (1 for the first),
///                 COWORKER_QUEUE, COWORKER_REPORT
///   reports       COWORKER_REPORT is the path of its descriptor 3, which takes lines as read_report() reads them
///   outcome       exit code 0: done, and standard output is the result (its last 64 KiB). Another exit code: failed. A
///                 signal that we did not send: crashed. The reason ends with the last line of standard error
///   time          at the job's process timeout SIGTERM goes to the group, SIGKILL after the grace; that is failed
///   afterwards    what the program leaves running in its group is killed; only then the outcome is told
class CommandWorker : public Worker {
 public:
  using Options = ProcessOptions;

  CommandWorker(async::Loop& loop, Options options);

  std::shared_ptr<Execution> start(Job job, Watcher watcher) override;

 private:
  async::Loop& loop_;
  Options options_;
};

}  // namespace coworker::worker
