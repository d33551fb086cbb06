#include <gmock/gmock.h>

#include <cstring>

#include "base/file.h"
#include "proc/keeper_main.h"
#include "service/run.h"
#include "worker/loop_main.h"
#include "worker/test_loop_worker.h"

/// The test program is also the processes that its tests start.
int main(int argc, char** argv) {
  using namespace coworker;
  if (argc > 1 && std::strcmp(argv[1], service::kKeeperWord) == 0) return proc::keeper_main(3);
  if (argc > 1 && std::strcmp(argv[1], service::kConsumerWord) == 0) return 0;
  if (argc > 1 && std::strcmp(argv[1], service::kLoopWord) == 0) {
    const Result<std::string> text = read_all(worker::kLoopSpecFd);
    const auto spec = worker::parse_loop_spec(text.value_or(""));
    if (!spec) return 2;
    worker::Registry registry;
    registry.add_loop("noting", {[] { return std::make_unique<NotingWorker>(); }});
    return worker::loop_main(*spec, registry);
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
