#include <coworker/bootstrap.h>
#include <string.h>

/* Workers for the stock program, in a shared library: `bootstrap: ./workers.so`, or --bootstrap FILE. Nothing of C++
   crosses its border, so any compiler and any language that can make such a library will do. */

static void count_bytes(void* context, const CwJob* job, const CwOutcome* outcome) {
  static const char big[] = "big", small[] = "small";
  (void)context;
  if (job->body_length > 20) {
    outcome->done(outcome->context, big, strlen(big));
  } else {
    outcome->done(outcome->context, small, strlen(small));
  }
}

int coworker_bootstrap_v1(const CwRegistry* registry) {
  if (registry->version != COWORKER_BOOTSTRAP_VERSION) return 1;
  return registry->add_worker(registry->context, "count", count_bytes, 0);
}
