#include <coworker/bootstrap.h>
#include <math.h>
#include <stdio.h>
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

/* A shared worker, which other processes talk to. With `bootstrap: ./workers.so` in coworker.yml, or in the variable
   COWORKER_BOOTSTRAP:

       coworker shared start unix:/tmp/counter.sock --worker counter
       coworker shared query unix:/tmp/counter.sock */

typedef struct Counter {
  long served;
  const CwLoop* loop;
} Counter;

static void* make_counter(void* context, const char* arguments, const CwLoop* loop) {
  static Counter counter; /* there is one in its process */
  (void)context;
  (void)arguments;
  counter.loop = loop;
  return &counter;
}

static void answer(void* self, const CwMessage* message, const CwConnection* connection) {
  Counter* counter = self;
  (void)connection;
  counter->served++;
  message->reply(message->handle, message->body, message->length);
}

static void tell_status(void* self, int is_privileged, const CwStatus* status) {
  const Counter* counter = self;
  (void)is_privileged;
  status->text(status->context, "counting");
  status->counter(status->context, "served", (double)counter->served, "c", 0, NAN);
}

/* A loop worker: `coworker run` starts it, `coworker worker send clock rounds` asks it. */

static void tick(void* context, const CwLoopPlace* place, const CwOutcome* outcome) {
  long* rounds = context;
  (void)place;
  (void)outcome;
  ++*rounds;
}

static void tell_rounds(void* context, const CwLoopPlace* place, const char* word, const char* arguments, size_t length,
                        const CwOutcome* outcome) {
  const long* rounds = context;
  char reply[32];
  (void)place;
  (void)word;
  (void)arguments;
  (void)length;
  snprintf(reply, sizeof reply, "%ld", *rounds);
  outcome->done(outcome->context, reply, strlen(reply));
}

int coworker_bootstrap_v1(const CwRegistry* registry) {
  static long rounds;
  static const char* const words[] = {"rounds", 0};
  const CwLoopWorker clock = {sizeof clock, 0, tick, 0, words, tell_rounds};
  if (registry->version != COWORKER_BOOTSTRAP_VERSION) return 1;
  if (registry->add_worker(registry->context, "count", count_bytes, 0) != 0) return 2;
  /* A program that is older than this header has no such member. */
  if (registry->size < sizeof *registry) return 0;
  CwEvented counter = {sizeof counter, make_counter, 0, answer, 0, tell_status, 0, 0};
  if (registry->add_evented(registry->context, "counter", &counter, 0) != 0) return 3;
  return registry->add_loop(registry->context, "clock", &clock, &rounds, 10000);
}
