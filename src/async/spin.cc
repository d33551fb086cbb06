#include "async/spin.h"

#include "base/processors.h"

namespace coworker::async {

bool Spin::has_processors() {
  static const bool several = usable_processors_now() > 1;
  return several;
}

void run_some_spinning(Loop& loop, Spin& spin) {
  const bool is_done = spin.until([&loop] { return loop.poll() > 0 || loop.stopped(); });
  if (!is_done) loop.run_one();
}

void run_spinning(Loop& loop) {
  Spin spin;
  while (!loop.stopped()) run_some_spinning(loop, spin);
}

}  // namespace coworker::async
