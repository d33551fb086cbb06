#include "worker/worker_process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "worker/raw_channel.h"
#include "worker/shared_process.h"

namespace coworker::worker {
namespace {

void call_hooks(const Implementations& implementations, Stage stage, const std::string& name) {
  const auto found = implementations.hooks.find(stage);
  if (found == implementations.hooks.end()) return;
  for (const auto& hook : found->second) hook(name);
}

/// The worker itself; throws what its start throws.
template <class Make>
auto construct(const StartRecord& record, const Make& make, const Implementations& implementations) {
  call_hooks(implementations, Stage::start, record.name);
  for (const std::string& library : record.libraries) {
    if (::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) throw std::runtime_error{::dlerror()};
  }
  call_hooks(implementations, Stage::before_construction, record.name);
  auto made = make(record.arguments);
  call_hooks(implementations, Stage::after_construction, record.name);
  return made;
}

const Implementation* find(const Implementations& implementations, const std::string& name) {
  const auto found = implementations.by_name.find(name);
  return found == implementations.by_name.end() ? nullptr : &found->second;
}

std::string unknown_text(const Implementations& implementations, const std::string& name) {
  std::string known;
  for (const auto& [each, implementation] : implementations.by_name) known += " " + each;
  return fmt::format("this program has no channel worker '{}'; it has:{}", name, known.empty() ? " none" : known);
}

void say_last_words(Server::Pipes& pipes, const std::string& text) {
  log::error(fmt::format("the worker cannot start: {}", text));
  const std::string fault = to_json(FaultMessage{std::nullopt, kStart, text}) + "\n";
  // Nothing else is told to a master that knows no faults; it sees the end.
  if (pipes.is_announced && ::write(pipes.out.get(), fault.data(), fault.size()) < 0) return;
}

int run_raw(RawWorker& worker, const StartRecord& record, Server::Pipes pipes) {
  const auto line =
      std::make_shared<RawChannel>(std::move(pipes.in), std::move(pipes.out),
                                   channel::JsonStream::Limits{record.longest, record.deepest}, pipes.is_announced);
  Channel channel{line};
  try {
    worker.run(channel);
    return 0;
  } catch (...) {
    const std::string text = exception_text();
    log::error(fmt::format("the worker '{}' ends: {}", record.name, text));
    if (line->dialect == Dialect::full) line->put(FaultMessage{std::nullopt, kHandler, text});
    return 1;
  }
}

/// Frees the standard descriptors of the channel on them, so that prints go to standard error.
Server::Pipes take_standard_pipes() {
  Server::Pipes pipes{Fd{::fcntl(0, F_DUPFD_CLOEXEC, 3)}, Fd{::fcntl(1, F_DUPFD_CLOEXEC, 3)}, false};
  const Fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  ::dup2(null.get(), 0);
  ::dup2(2, 1);
  return pipes;
}

int run_dedicated_process(int argc, char** argv, const Implementations& implementations) {
  if (argc > 2) {
    StartRecord record;
    record.name = argv[2];
    if (argc > 3) record.arguments = argv[3];
    return run_dedicated(record, take_standard_pipes(), implementations);
  }
  const Result<StartRecord> record = read_record(kRecordFd);
  if (!record) {
    log::error(record.error().message());
    return 2;
  }
  for (const int fd : {kInFd, kOutFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return run_dedicated(*record, Server::Pipes{Fd{kInFd}, Fd{kOutFd}, true}, implementations);
}

}  // namespace

Server::Options options_of(const StartRecord& record) {
  Server::Options options;
  options.limits = {record.longest, record.deepest};
  if (!record.cookie.empty()) options.cookie = record.cookie;
  options.drain = Millis{record.drain_ms};
  return options;
}

Result<Implementations> with_library(const StartRecord& record, const Implementations& own) {
  Implementations all = own;
  if (record.bootstrap.empty()) return all;
  if (!own.load) return fail(Errc::invalid_argument, "this program loads no workers from shared libraries");
  if (Result<> loaded = own.load(record.bootstrap, all); !loaded) return tl::unexpected{std::move(loaded).error()};
  return all;
}

Result<std::unique_ptr<EventedWorker>> make_evented(const StartRecord& record, const Implementations& own) {
  const Result<Implementations> loaded = with_library(record, own);
  if (!loaded) return tl::unexpected{loaded.error()};
  const Implementations& implementations = *loaded;
  const Implementation* implementation = find(implementations, record.name);
  if (implementation == nullptr) return fail(Errc::not_found, unknown_text(implementations, record.name));
  if (!implementation->evented) {
    return fail(Errc::invalid_argument, fmt::format("'{}' is a raw worker, which has one master only", record.name));
  }
  try {
    return construct(record, implementation->evented, implementations);
  } catch (...) {
    return fail(Errc::internal, exception_text());
  }
}

bool is_forgotten_worker() {
  return std::getenv(kWorkerVariable) != nullptr;
}

std::optional<int> run_worker_process(int argc, char** argv, const Implementations& implementations) {
  ::unsetenv(kWorkerVariable);
  if (argc < 2) return std::nullopt;
  const std::string_view word = argv[1];
  if (word != kDedicatedWord && word != kSharedWord) return std::nullopt;
  // A master that is gone shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  log::set_role("worker");
  if (word == kSharedWord) return run_shared_process(implementations);
  return run_dedicated_process(argc, argv, implementations);
}

int run_dedicated(const StartRecord& record, Server::Pipes pipes, const Implementations& own) {
  const Result<Implementations> loaded = with_library(record, own);
  if (!loaded) {
    say_last_words(pipes, loaded.error().message());
    return 1;
  }
  const Implementations& implementations = *loaded;
  const Implementation* implementation = find(implementations, record.name);
  if (implementation == nullptr) {
    say_last_words(pipes, unknown_text(implementations, record.name));
    return 1;
  }
  try {
    if (implementation->raw) {
      const auto worker = construct(record, implementation->raw, implementations);
      return run_raw(*worker, record, std::move(pipes));
    }
    const auto worker = construct(record, implementation->evented, implementations);
    Server server{*worker, options_of(record)};
    return server.run_dedicated(std::move(pipes));
  } catch (...) {
    say_last_words(pipes, exception_text());
    return 1;
  }
}

}  // namespace coworker::worker
