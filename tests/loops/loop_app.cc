#include <coworker/app.h>

#include "worker/test_loop_worker.h"

/// A program with loop workers that note what happens to them.
int main(int argc, char** argv) {
  coworker::App app;
  app.loop_worker<coworker::NotingWorker>("first", {.looptime = std::chrono::milliseconds{50}, .forever = true});
  app.loop_worker<coworker::NotingWorker>("second", {.looptime = std::chrono::hours{1}, .forever = true});
  return app.run(argc, argv);
}
