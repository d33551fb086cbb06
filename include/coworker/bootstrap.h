#ifndef COWORKER_BOOTSTRAP_H
#define COWORKER_BOOTSTRAP_H

/* Workers in a shared library, for the stock coworker program:
 *
 *     static void resize(void* context, const CwJob* job, CwOutcome* outcome) { ... }
 *
 *     int coworker_bootstrap_v1(const CwRegistry* registry) {
 *       if (registry->version != COWORKER_BOOTSTRAP_VERSION) return 1;
 *       return registry->add_worker(registry->context, "resize", resize, 0);
 *     }
 *
 * Plain C: no C++ type and no exception crosses. The library is loaded once per process and never unloaded. A worker
 * may be called from several threads at the same time. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COWORKER_BOOTSTRAP_VERSION 1

/* One attempt at a job. The texts end with NUL, are valid during the call, and a queue may contain NUL bytes; body and
 * metadata are JSON. */
typedef struct CwJob {
  size_t size; /* of this struct: members may be added at its end */
  const char* id;
  const char* queue;
  size_t queue_length;
  const char* body;
  size_t body_length;
  const char* metadata;
  size_t metadata_length;
  unsigned attempt; /* 1 for the first */
} CwJob;

/* What became of it: call one of these, once, with a text that is copied. A worker that calls none has done it. */
typedef struct CwOutcome {
  size_t size;
  void* context;
  void (*done)(void* context, const char* result, size_t length);
  void (*failed)(void* context, const char* reason, size_t length);
} CwOutcome;

typedef void (*CwWorker)(void* worker_context, const CwJob* job, const CwOutcome* outcome);

typedef struct CwRegistry {
  size_t size;
  unsigned version; /* COWORKER_BOOTSTRAP_VERSION of the program */
  void* context;
  /* 0, or not 0 when the name is empty or taken. `worker_context` is passed to each call of the worker. */
  int (*add_worker)(void* context, const char* name, CwWorker worker, void* worker_context);
} CwRegistry;

/* What the library must define. Anything but 0 refuses to be loaded, and the program ends with an error. */
int coworker_bootstrap_v1(const CwRegistry* registry);

#ifdef __cplusplus
}
#endif

#endif
