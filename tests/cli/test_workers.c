#include <coworker/bootstrap.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Channel workers: everything of the contract is used once. */

typedef struct Chatty {
  const CwLoop* loop;
  unsigned long long timer;
  void* kept; /* a message that is answered later */
  const CwConnection* first;
  CwMessage answer;
  int masters;
  char arguments[64];
} Chatty;

static void tick(void* self) {
  (void)self;
}

static void answer_kept(void* self) {
  Chatty* chatty = self;
  static const char text[] = "\"late\"";
  if (chatty->kept == 0) return;
  chatty->answer.reply(chatty->kept, text, strlen(text));
  chatty->answer.release(chatty->kept);
  chatty->kept = 0;
}

static void* make_chatty(void* context, const char* arguments, const CwLoop* loop) {
  static Chatty chatty;
  (void)context;
  if (strcmp(arguments, "\"refuse\"") == 0) return 0;
  strncpy(chatty.arguments, arguments, sizeof chatty.arguments - 1);
  chatty.loop = loop;
  chatty.timer = loop->every(loop->handle, 3600 * 1000, tick, &chatty);
  return &chatty;
}

static void come(void* self, const CwConnection* connection) {
  Chatty* chatty = self;
  if (chatty->masters++ == 0) chatty->first = connection;
}

static void leave(void* self, const CwConnection* connection) {
  Chatty* chatty = self;
  chatty->masters--;
  if (chatty->first == connection) chatty->first = 0;
}

static void chat(void* self, const CwMessage* message, const CwConnection* connection) {
  Chatty* chatty = self;
  if (strcmp(message->body, "\"arguments\"") == 0) {
    message->reply(message->handle, chatty->arguments, strlen(chatty->arguments));
  } else if (strcmp(message->body, "\"fault\"") == 0) {
    message->fail(message->handle, "mine", "a reason in C");
  } else if (strcmp(message->body, "\"progress\"") == 0) {
    message->progress(message->handle, "1", 1);
    message->reply(message->handle, "2", 1);
  } else if (strcmp(message->body, "\"later\"") == 0) {
    chatty->answer = *message;
    chatty->kept = message->keep(message->handle);
    chatty->loop->after(chatty->loop->handle, 1, answer_kept, chatty);
  } else if (strcmp(message->body, "\"first\"") == 0) {
    message->reply(message->handle, chatty->first == connection ? "true" : "false", chatty->first == connection ? 4 : 5);
  } else if (strcmp(message->body, "\"extra\"") == 0) {
    connection->send(connection->handle, "7", 1);
    message->reply(message->handle, connection->pid > 0 ? "true" : "false", connection->pid > 0 ? 4 : 5);
  } else if (strcmp(message->body, "\"silence\"") != 0) {
    message->reply(message->handle, message->body, message->length);
  }
}

static void ask(void* self, int is_privileged, const CwStatus* status) {
  const Chatty* chatty = self;
  status->text(status->context, is_privileged ? "privileged" : "not privileged");
  status->counter(status->context, "masters", chatty->masters, "c", 0, NAN);
}

static void stop(void* self) {
  Chatty* chatty = self;
  chatty->loop->cancel(chatty->loop->handle, chatty->timer);
}

static void double_all(void* context, const char* arguments, const CwChannel* channel) {
  const CwMessage* message = 0;
  (void)context;
  (void)arguments;
  while (channel->receive(channel->handle, -1, &message) == 0) {
    char text[32];
    const int length = snprintf(text, sizeof text, "%ld", 2 * strtol(message->body, 0, 10));
    message->reply(message->handle, text, (size_t)length);
  }
}

/* Each hook says in a line of the file HOOKS_FILE that it was called. */
static void tell(const char* what, const char* text, size_t length) {
  const char* name = getenv("HOOKS_FILE");
  FILE* file = name == 0 ? 0 : fopen(name, "a");
  if (file == 0) return;
  fprintf(file, "%s %.*s\n", what, (int)length, text);
  fclose(file);
}

static void around_job(void* context, const CwHookCall* call) {
  tell(context, call->text_length > 0 ? call->text : call->job->body,
       call->text_length > 0 ? call->text_length : call->job->body_length);
}

static void before_add(void* context, CwAdd* add) {
  (void)context;
  add->priority = 7;
  add->lifetime_s = 1000;
  add->set_metadata(add->context, "{\"hooked\":1}", 12);
  tell("before_add", add->body, add->body_length);
}

static void after_add(void* context, CwAdd* add) {
  (void)context;
  if (add->id != 0) tell("after_add", add->id, 2);
  if (add->error != 0) tell("not_added", add->error, strlen(add->error));
}

static long long never(void* context, const CwHookCall* call) {
  (void)context;
  tell("strategy", call->text, call->text_length);
  return -1;
}

static int add_hooks(const CwRegistry* registry) {
  static char before[] = "before", after[] = "after", failed[] = "failed", buried[] = "buried";
  void* to = registry->context;
  if (registry->size < sizeof(CwRegistry)) return 1;
  return registry->add_hook(to, COWORKER_BEFORE_PROCESS, around_job, before) != 0 ||
         registry->add_hook(to, COWORKER_AFTER_PROCESS, around_job, after) != 0 ||
         registry->add_hook(to, COWORKER_ON_FAILURE, around_job, failed) != 0 ||
         registry->add_hook(to, COWORKER_ON_BURY, around_job, buried) != 0 ||
         registry->add_add_hook(to, COWORKER_BEFORE_ADD, before_add, 0) != 0 ||
         registry->add_add_hook(to, COWORKER_AFTER_ADD, after_add, 0) != 0 ||
         registry->add_strategy(to, "never", never, 0) != 0 ||
         registry->add_strategy(to, "never", never, 0) == 0 ||  /* the name is taken */
         registry->add_hook(to, 99, around_job, before) == 0;   /* there is no such moment */
}

/* A loop worker, whose word "rounds" tells how many rounds there were; "end" fails. */

typedef struct Ticker {
  long rounds;
  int is_up;
} Ticker;

static void tick_up(void* context, const CwLoopPlace* place, const CwOutcome* outcome) {
  Ticker* ticker = context;
  ticker->is_up = strcmp(place->name, "ticker") == 0 && place->is_stopped(place->handle) == 0;
  if (!ticker->is_up) outcome->failed(outcome->context, "nowhere", 7);
}

static void tick_once(void* context, const CwLoopPlace* place, const CwOutcome* outcome) {
  Ticker* ticker = context;
  place->beat(place->handle);
  ticker->rounds++;
  if (!ticker->is_up || ticker->rounds % 2 == 0) outcome->failed(outcome->context, "even", 4);
}

static void tick_down(void* context, const CwLoopPlace* place, const CwOutcome* outcome) {
  FILE* file = fopen("ticker-is-down", "w");
  (void)context;
  (void)outcome;
  fprintf(file, "%d", place->is_stopped(place->handle));
  fclose(file);
}

static void tick_word(void* context, const CwLoopPlace* place, const char* word, const char* arguments, size_t length,
                      const CwOutcome* outcome) {
  const Ticker* ticker = context;
  char reply[64];
  (void)place;
  if (strcmp(word, "refuse") == 0) {
    outcome->failed(outcome->context, "not at all", 10);
  } else if (strcmp(word, "rounds") == 0) {
    snprintf(reply, sizeof reply, "%ld", ticker->rounds);
    outcome->done(outcome->context, reply, strlen(reply));
  } else {
    outcome->done(outcome->context, arguments, length);
  }
}

static int add_ticker(const CwRegistry* registry) {
  static Ticker ticker;
  static const char* const words[] = {"rounds", "refuse", "say", 0};
  const CwLoopWorker whole = {sizeof whole, tick_up, tick_once, tick_down, words, tick_word};
  const CwLoopWorker empty = {sizeof empty, tick_up, 0, 0, 0, 0};
  if (registry->add_loop(registry->context, "empty", &empty, 0, 100) == 0) return 1;
  if (registry->add_loop(registry->context, "ticker", &whole, &ticker, 0) == 0) return 1;
  if (registry->add_loop(registry->context, "ticker", &whole, &ticker, 20) != 0) return 1;
  return registry->add_loop(registry->context, "ticker", &whole, &ticker, 20) == 0;
}

int coworker_bootstrap_v1(const CwRegistry* registry) {
  static char reason[] = "not today";
  if (registry->version != COWORKER_BOOTSTRAP_VERSION) return 1;
  if (registry->add_worker(registry->context, "echo", echo, 0) != 0) return 2;
  if (getenv("TICKER") != 0 && add_ticker(registry) != 0) return 8;
  if (getenv("HOOKS_FILE") != 0 && add_hooks(registry) != 0) return 7;
  if (registry->add_worker(registry->context, "refuse", refuse, reason) != 0) return 3;
  const CwEvented chatty = {sizeof chatty, make_chatty, come, chat, leave, ask, stop, 0};
  const CwEvented broken = {sizeof broken, make_chatty, 0, 0, 0, 0, 0, 0};
  if (registry->add_evented(registry->context, "broken", &broken, 0) == 0) return 4;
  if (registry->add_evented(registry->context, "chatty", &chatty, 0) != 0) return 5;
  if (registry->add_evented(registry->context, "chatty", &chatty, 0) == 0) return 6;
  return registry->add_raw(registry->context, "double", double_all, 0);
}
