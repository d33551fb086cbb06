#include <coworker/bootstrap.h>
#include <string.h>

static void echo(void* context, const CwJob* job, const CwOutcome* outcome) {
  (void)context;
  outcome->done(outcome->context, job->body, job->body_length);
}

static void refuse(void* context, const CwJob* job, const CwOutcome* outcome) {
  const char* reason = context;
  (void)job;
  outcome->failed(outcome->context, reason, strlen(reason));
}

int coworker_bootstrap_v1(const CwRegistry* registry) {
  static char reason[] = "not today";
  if (registry->version != COWORKER_BOOTSTRAP_VERSION) return 1;
  if (registry->add_worker(registry->context, "echo", echo, 0) != 0) return 2;
  return registry->add_worker(registry->context, "refuse", refuse, reason);
}
