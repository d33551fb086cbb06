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
 * Plain C: no C++ type and no exception crosses. The library is loaded once per process and never unloaded. A worker of
 * jobs may be called from several threads at the same time. */

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

/* ---- workers that other processes talk to: see docs/shared-workers.md ----
 *
 * All texts are JSON in UTF-8 unless said otherwise. Functions that return an int return 0 when it is done. A worker is
 * called on one thread, and calls what it is given on that thread only. */

/* One message of a master. The struct and its body are valid until the call that gave it returns. */
typedef struct CwMessage {
  size_t size;
  const char* body; /* ends with NUL */
  size_t length;
  void* handle; /* is passed to each of these */
  /* Not 0: the master is gone, the request is answered or cancelled, or it is no JSON. */
  int (*reply)(void* message, const char* json, size_t length);
  int (*progress)(void* message, const char* json, size_t length);
  int (*fail)(void* message, const char* code, const char* text); /* plain texts that end with NUL */
  int (*is_cancelled)(void* message);                             /* 1: its master does not want the answer any more */
  /* To answer later: another handle of the same message, for these functions, until it is released. A request whose
   * last handle goes without an answer is answered with a fault. */
  void* (*keep)(void* message);
  void (*release)(void* kept);
} CwMessage;

/* A connected master: the same pointer for all its messages, valid until its on_disconnect returns. */
typedef struct CwConnection {
  size_t size;
  void* handle;
  const char* address;     /* "127.0.0.1:4711"; empty for pipes and unix sockets */
  const char* certificate; /* with TLS: of whom; empty: it showed none */
  long pid;                /* -1: not known */
  long user;
  int (*send)(void* connection, const char* json, size_t length);
  void (*close)(void* connection); /* when all that was sent has left */
} CwConnection;

/* What a worker waits for beside messages; valid until its `destroy`. An evented worker ends when nothing is registered
 * and no master is connected; a shared one when it was stopped besides. */
typedef struct CwLoop {
  size_t size;
  void* handle;
  unsigned long long (*after)(void* loop, unsigned milliseconds, void (*call)(void* self), void* self);
  unsigned long long (*every)(void* loop, unsigned milliseconds, void (*call)(void* self), void* self);
  unsigned long long (*when_readable)(void* loop, int fd, void (*call)(void* self), void* self);
  void (*cancel)(void* loop, unsigned long long id);
  void (*stop)(void* loop);           /* ends the worker, connected masters or not */
  void (*stop_listening)(void* loop); /* of a shared worker: it ends when its masters have left */
} CwLoop;

/* How a shared worker is: call these during on_query, with plain texts that end with NUL. */
typedef struct CwStatus {
  size_t size;
  void* context;
  void (*text)(void* context, const char* text);
  /* NaN where there is no value, minimum or maximum. */
  void (*counter)(void* context, const char* name, double value, const char* unit, double min, double max);
} CwStatus;

/* A worker that is called; each may be 0, except on_message. `self` is what create returned, else the worker_context.
 */
typedef struct CwEvented {
  size_t size;
  void* (*create)(void* worker_context, const char* arguments, const CwLoop* loop); /* 0: it cannot be, and ends */
  void (*on_connect)(void* self, const CwConnection* connection);
  void (*on_message)(void* self, const CwMessage* message, const CwConnection* connection);
  void (*on_disconnect)(void* self, const CwConnection* connection);
  void (*on_query)(void* self, int is_privileged, const CwStatus* status);
  void (*on_stop)(void* self); /* somebody with the cookie, or a signal, stopped it: cancel what is registered */
  void (*destroy)(void* self); /* the loop has ended */
} CwEvented;

/* The end of a worker with one master. */
typedef struct CwChannel {
  size_t size;
  void* handle;
  /* 0 and a message, valid until the next receive; 1: none in time (negative: no limit); 2: the master is gone, so
   * return; 3: it said what cannot be. */
  int (*receive)(void* channel, long milliseconds, const CwMessage** message);
  int (*send)(void* channel, const char* json, size_t length);
} CwChannel;

/* A worker that asks for its messages; the process ends when it returns. */
typedef void (*CwRaw)(void* worker_context, const char* arguments, const CwChannel* channel);

/* ---- Loop workers: see docs/loops.md. A process of its own, in which one thread makes all calls. ---- */

/* Where it runs; valid until the process ends. The functions may be called from any thread. */
typedef struct CwLoopPlace {
  size_t size;
  const char* name;
  const char* id;
  void* handle;
  int (*is_stopped)(void* place); /* 1: it is to stop, so a long round may return early */
  void (*beat)(void* place);      /* in a round longer than the limit for a hang: it goes on */
} CwLoopPlace;

/* Who calls none of the outcome's functions is content; a failed spinup ends the process. Each may be 0, except loop.
 */
typedef void (*CwLoopCall)(void* worker_context, const CwLoopPlace* place, const CwOutcome* outcome);
typedef struct CwLoopWorker {
  size_t size;
  CwLoopCall spinup;
  CwLoopCall loop; /* a round */
  CwLoopCall spindown;
  const char* const* words; /* of commands that it takes, then 0; valid for good */
  /* What came with a command is JSON, and so must be what `done` is called with, if it is. */
  void (*command)(void* worker_context, const CwLoopPlace* place, const char* word, const char* arguments,
                  size_t length, const CwOutcome* outcome);
} CwLoopWorker;

/* ---- Hooks: functions of the library around jobs and adds. They may be called from several threads at once. ---- */

#define COWORKER_BEFORE_PROCESS 1 /* in the consumer; the job waits for it */
#define COWORKER_AFTER_PROCESS 2
#define COWORKER_ON_FAILURE 3
#define COWORKER_ON_BURY 4    /* the job goes to its failure queue */
#define COWORKER_BEFORE_ADD 5 /* in `coworker add` and `coworker schedule` */
#define COWORKER_AFTER_ADD 6

#define COWORKER_DONE 0
#define COWORKER_FAILED 1
#define COWORKER_CRASHED 2 /* the worker died */
#define COWORKER_STOPPED 3 /* by us, and not counted */

typedef struct CwHookCall {
  size_t size;
  const CwJob* job; /* what it could report to is gone: its functions do nothing */
  int outcome;      /* COWORKER_DONE ...; before the job runs it is 0 */
  const char* text; /* the result, or why it failed or is buried */
  size_t text_length;
  unsigned retries; /* on failure: before this attempt */
  unsigned crashes;
  unsigned max_retries;
} CwHookCall;

typedef void (*CwHook)(void* hook_context, const CwHookCall* call);

/* A failure strategy: in how many milliseconds the job runs again, or -1 for never. */
typedef long long (*CwStrategy)(void* strategy_context, const CwHookCall* call);

/* A job that is added. Before, the numbers may be changed, and the metadata be set; after, they are 0. */
typedef struct CwAdd {
  size_t size;
  const char* queue;
  size_t queue_length;
  const char* body;
  size_t body_length;
  const char* metadata; /* as it was when the hook was called */
  size_t metadata_length;
  long long delay_ms;
  long long lifetime_s;
  long long process_timeout_s;
  int priority;
  void* context;
  void (*set_metadata)(void* context, const char* json, size_t length);
  const char* id;    /* after: of the job, or 0 */
  const char* error; /* after: why it was not added, or 0 */
} CwAdd;

typedef void (*CwAddHook)(void* hook_context, CwAdd* add);

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
  /* As add_worker, for workers that other processes talk to; their names are apart from those of the others. The struct
   * is copied. */
  int (*add_raw)(void* context, const char* name, CwRaw run, void* worker_context);
  int (*add_evented)(void* context, const char* name, const CwEvented* worker, void* worker_context);
  /* From here on only where `size` says so. `when` is COWORKER_BEFORE_PROCESS to COWORKER_ON_BURY. */
  int (*add_hook)(void* context, int when, CwHook hook, void* hook_context);
  /* COWORKER_BEFORE_ADD or COWORKER_AFTER_ADD. */
  int (*add_add_hook)(void* context, int when, CwAddHook hook, void* hook_context);
  /* For `failure_strategy: NAME`; the limits of the queue hold before it is asked. */
  int (*add_strategy)(void* context, const char* name, CwStrategy strategy, void* strategy_context);
  /* As add_worker, for workers that `coworker run` starts: one round in so many milliseconds, unless `loops.NAME` of
   * the configuration says otherwise. The struct is copied. */
  int (*add_loop)(void* context, const char* name, const CwLoopWorker* worker, void* worker_context,
                  long long looptime_ms);
} CwRegistry;

/* What the library must define. Anything but 0 refuses to be loaded, and the program ends with an error. */
int coworker_bootstrap_v1(const CwRegistry* registry);

#ifdef __cplusplus
}
#endif

#endif
