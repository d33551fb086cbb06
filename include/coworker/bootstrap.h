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
 * `size` says which members a struct has: a program that is newer than the library has more, an older one fewer.
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
  /* From here on: from any thread, until the worker returns. `contact` is passed to each. */
  void* contact;
  void (*progress)(void* contact, double fraction, const char* text, size_t length); /* 0 to 1, and what it does */
  void (*log)(void* contact, const char* text, size_t length);                       /* a line of the job's log */
  int (*is_stopped)(void* contact); /* 1: its time is up, or the program is to end: return soon */
} CwJob;

/* What became of it: call one of these, once, with a text that is copied. A worker that calls none has done it. */
typedef struct CwOutcome {
  size_t size;
  void* context;
  void (*done)(void* context, const char* result, size_t length);
  void (*failed)(void* context, const char* reason, size_t length);
} CwOutcome;

typedef void (*CwWorker)(void* worker_context, const CwJob* job, const CwOutcome* outcome);

/* Makes a worker in the process that runs it, once, before its first job, with what the environment's set-up returned
 * (0 when there is none). 0, or not 0 when it cannot: then the job has failed, and the next one tries again. */
typedef int (*CwFactory)(void* factory_context, void* environment, const char* name, CwWorker* worker,
                         void** worker_context);

typedef struct CwRegistry {
  size_t size;
  unsigned version; /* COWORKER_BOOTSTRAP_VERSION of the program */
  void* context;
  /* 0, or not 0 when the name is empty or taken. `worker_context` is passed to each call of the worker. */
  int (*add_worker)(void* context, const char* name, CwWorker worker, void* worker_context);
  /* As add_worker. */
  int (*add_factory)(void* context, const char* name, CwFactory factory, void* factory_context);
  /* Called at most once in a process, when the first worker of a factory is about to run there. */
  int (*set_environment)(void* context, void* (*set_up)(void* set_up_context), void* set_up_context);
} CwRegistry;

/* What the library must define. Anything but 0 refuses to be loaded, and the program ends with an error. */
int coworker_bootstrap_v1(const CwRegistry* registry);

#ifdef __cplusplus
}
#endif

#endif
