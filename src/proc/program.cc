#include "proc/program.h"

#include <fcntl.h>
#include <sys/prctl.h>

namespace coworker::proc {

Result<int> own_program() {
  static const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::internal, "open the running program: /proc/self/exe is not there");
  return fd;
}

void name_process(const char* name) {
  ::prctl(PR_SET_NAME, name);
}

}  // namespace coworker::proc
