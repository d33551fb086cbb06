#include "coworker/worker_factory.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "async/spin.h"
#include "base/build.h"
#include "base/processors.h"
#include "worker/dedicated_process.h"
#include "worker/raw_channel.h"

namespace coworker {

using worker::deadline_in;
using worker::DedicatedProcess;
using worker::MasterLine;

// ---- dedicated ----------------------------------------------------------------------------------

DedicatedWorker::DedicatedWorker() = default;
DedicatedWorker::DedicatedWorker(DedicatedWorker&&) noexcept = default;

DedicatedWorker& DedicatedWorker::operator=(DedicatedWorker&& other) noexcept {
  if (this == &other) return *this;
  if (process_) close();
  Master::operator=(std::move(other));
  process_ = std::move(other.process_);
  return *this;
}

DedicatedWorker::~DedicatedWorker() {
  if (process_) close();
}

long DedicatedWorker::pid() const {
  return process_->pid();
}

WorkerEnd DedicatedWorker::close() {
  // Both directions, so that one that is writing gets on, too.
  line_.reset();
  return process_->close();
}

Answer<DedicatedWorker> WorkerFactory::create_program(std::vector<std::string> command) const {
  if (command.empty()) return Failure{Trouble::invalid, "there is no program to start"};
  Answer<worker::Started> started = worker::start_dedicated(profile_, {}, command);
  if (!started) return started.failure();
  DedicatedWorker made;
  made.line_ = std::move(started->line);
  made.process_ = std::move(started->process);
  return made;
}

namespace {

/// Why there is none, once its process has told what it can.
Failure not_announced(const std::string& name, const Failure& why, std::chrono::milliseconds limit,
                      worker::Started& started) {
  if (why.trouble == Trouble::fault) {
    return {why.code == "start" ? Trouble::invalid : Trouble::fault,
            fmt::format("start the worker '{}': {}", name, why.text), why.code};
  }
  started.line.reset();
  if (why.trouble == Trouble::timed_out) {
    return {Trouble::timed_out, fmt::format("the worker '{}' has not announced itself in {} ms: does main() call "
                                            "coworker::App::run before anything else?",
                                            name, limit.count())};
  }
  return {
      Trouble::failed,
      fmt::format("the worker '{}' ended ({}) without announcing itself: does main() call coworker::App::run before "
                  "anything else, and is the worker registered there?",
                  name, started.process->close().text)};
}

Answer<> announced(const Profile& profile, const std::string& name, worker::Started& started,
                   MasterLine::Deadline deadline) {
  const Answer<worker::HelloMessage> hello = started.line->wait_for_hello(deadline);
  if (!hello) return not_announced(name, hello.failure(), profile.start_limit, started);
  if (profile.program.empty() && hello->build != build_id()) {
    return Failure{Trouble::failed, fmt::format("the worker '{}' is of another build of this program", name)};
  }
  return {};
}

}  // namespace

Answer<DedicatedWorker> WorkerFactory::create_worker(const std::string& name) const {
  Answer<worker::Started> started = worker::start_dedicated(profile_, name, {});
  if (!started) return started.failure();
  if (const Answer<> told = announced(profile_, name, *started, deadline_in(profile_.start_limit)); !told) {
    return told.failure();
  }
  DedicatedWorker made;
  made.line_ = std::move(started->line);
  made.process_ = std::move(started->process);
  return made;
}

// ---- pools --------------------------------------------------------------------------------------

int usable_processors() {
  return usable_processors_now();
}

namespace {

Answer<std::size_t> size_of_pool(std::optional<int> count) {
  if (count && *count <= 0) return Failure{Trouble::invalid, fmt::format("a pool of {} workers cannot be", *count)};
  return static_cast<std::size_t>(count ? *count : usable_processors());
}

}  // namespace

Answer<WorkerPool> WorkerFactory::create_pool(const std::string& name, std::optional<int> count,
                                              Replacement replacement) const {
  const Answer<std::size_t> size = size_of_pool(count);
  if (!size) return size.failure();
  std::vector<worker::Started> all;
  for (std::size_t i = 0; i < *size; ++i) {
    Answer<worker::Started> started = worker::start_dedicated(profile_, name, {});
    if (!started) return started.failure();
    all.push_back(std::move(*started));
  }
  // All at the same time on their way.
  WorkerPool pool;
  const auto deadline = deadline_in(profile_.start_limit);
  for (worker::Started& started : all) {
    if (const Answer<> told = announced(profile_, name, started, deadline); !told) return told.failure();
    std::unique_ptr<DedicatedWorker> made{new DedicatedWorker};
    made->line_ = std::move(started.line);
    made->process_ = std::move(started.process);
    pool.workers_.push_back(std::move(made));
  }
  pool.alive_.assign(pool.workers_.size(), true);
  if (replacement == Replacement::always) {
    pool.replace_ = [factory = *this, name] { return factory.create_worker(name); };
  }
  return pool;
}

Answer<WorkerPool> WorkerFactory::create_program_pool(std::vector<std::string> command, std::optional<int> count,
                                                      Replacement replacement) const {
  const Answer<std::size_t> size = size_of_pool(count);
  if (!size) return size.failure();
  WorkerPool pool;
  for (std::size_t i = 0; i < *size; ++i) {
    Answer<DedicatedWorker> made = create_program(command);
    if (!made) return made.failure();
    pool.workers_.push_back(std::make_unique<DedicatedWorker>(std::move(*made)));
  }
  pool.alive_.assign(pool.workers_.size(), true);
  if (replacement == Replacement::always) {
    pool.replace_ = [factory = *this, command] { return factory.create_program(command); };
  }
  return pool;
}

WorkerPool::WorkerPool() : spin_{std::make_shared<async::Spin>()} {}

/// What a member has to tell without waiting.
std::optional<WorkerPool::Received> WorkerPool::take(std::size_t place) {
  MasterLine& line = *workers_[place]->line_;
  if (!line.has_message()) return std::nullopt;
  Received received{place, line.receive(MasterLine::Deadline::min())};
  if (!received.message && received.message.trouble() != Trouble::fault) alive_[place] = false;
  return received;
}

/// Of any, each getting its turn.
std::optional<WorkerPool::Received> WorkerPool::next() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const std::size_t place = (next_ + i) % workers_.size();
    if (!alive_[place]) continue;
    if (std::optional<Received> received = take(place)) {
      next_ = (place + 1) % workers_.size();
      return received;
    }
  }
  return std::nullopt;
}

WorkerEnd WorkerPool::mend(std::size_t place) {
  WorkerEnd end = workers_[place]->close();
  if (!replace_) return end;
  if (Answer<DedicatedWorker> made = replace_()) {
    *workers_[place] = std::move(*made);
    alive_[place] = true;
  }
  return end;
}

Answer<WorkerPool::Received> WorkerPool::try_receive() {
  if (std::optional<Received> received = next()) return std::move(*received);
  if (std::find(alive_.begin(), alive_.end(), true) == alive_.end()) {
    return Failure{Trouble::closed, "all workers of the pool have died"};
  }
  return Failure{Trouble::timed_out, "receive: no message in time"};
}

Answer<WorkerPool::Received> WorkerPool::receive(std::chrono::milliseconds timeout) {
  const auto deadline = deadline_in(timeout);
  for (;;) {
    Answer<Received> received = try_receive();
    if (received) {
      if (!alive_[received->worker]) received->end = mend(received->worker);
      return received;
    }
    if (received.trouble() != Trouble::timed_out) return received;
    std::vector<pollfd> polled;
    for (std::size_t place = 0; place < workers_.size(); ++place) {
      if (alive_[place]) polled.push_back({workers_[place]->native_handle(), POLLIN, 0});
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - MasterLine::Deadline::clock::now());
    if (left.count() <= 0) return received;
    if (spin_->until([&polled] { return ::poll(polled.data(), polled.size(), 0) > 0; })) continue;
    const bool is_forever = deadline == MasterLine::Deadline::max();
    ::poll(polled.data(), polled.size(),
           is_forever ? -1 : static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30)));
  }
}

}  // namespace coworker
