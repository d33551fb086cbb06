/* A library that was built against the first header of version 1: its structs end earlier than today's. */
#include <stddef.h>

struct OldJob {
  size_t size;
  const char* id;
  const char* queue;
  size_t queue_length;
  const char* body;
  size_t body_length;
};

struct OldOutcome {
  size_t size;
  void* context;
  void (*done)(void* context, const char* result, size_t length);
};

struct OldRegistry {
  size_t size;
  unsigned version;
  void* context;
  int (*add_worker)(void* context, const char* name,
                    void (*worker)(void*, const struct OldJob*, const struct OldOutcome*), void* worker_context);
};

static void echo(void* context, const struct OldJob* job, const struct OldOutcome* outcome) {
  (void)context;
  outcome->done(outcome->context, job->body, job->body_length);
}

int coworker_bootstrap_v1(const struct OldRegistry* registry);
int coworker_bootstrap_v1(const struct OldRegistry* registry) {
  if (registry->version != 1 || registry->size < sizeof *registry) return 1;
  return registry->add_worker(registry->context, "old", echo, 0);
}
