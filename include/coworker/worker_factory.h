#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coworker/answer.h"
#include "coworker/master.h"
#include "coworker/profile.h"
#include "coworker/status.h"

namespace coworker {

namespace async {
class Spin;
}  // namespace async

namespace worker {
class DedicatedProcess;
}  // namespace worker

/// How a worker's process ended.
struct WorkerEnd {
  long pid = 0;
  int exit_code = 0;
  int signal = 0;           // that ended it; 0: it exited
  bool was_killed = false;  // by us, because it did not end by itself
  std::string text{};       // "exit code 3", "SIGKILL not sent by us …"
};

/// A process of its own with this one as its only master.
class DedicatedWorker : public Master {
 public:
  /// As close().
  ~DedicatedWorker();
  DedicatedWorker(DedicatedWorker&&) noexcept;
  DedicatedWorker& operator=(DedicatedWorker&&) noexcept;

  long pid() const;
  /// Closes the channel and waits until the process has ended: after the profile's grace it gets SIGTERM, after as long
  /// again SIGKILL. What it left of its process group is killed.
  WorkerEnd close();

 private:
  friend class WorkerFactory;
  friend class WorkerPool;
  DedicatedWorker();

  std::unique_ptr<worker::DedicatedProcess> process_;
};

/// What to do about a member of a pool that died.
enum class Replacement { none, always };

/// Workers of one kind.
class WorkerPool {
 public:
  struct Received {
    std::size_t worker = 0;          // its place in the pool
    Answer<std::string> message;     // `closed`: it died; see `end`
    std::optional<WorkerEnd> end{};  // told once for each that died
  };

  std::size_t size() const noexcept { return workers_.size(); }
  /// In the order of their creation. Requires a place below size().
  DedicatedWorker& operator[](std::size_t place) { return *workers_[place]; }
  std::vector<std::unique_ptr<DedicatedWorker>>::const_iterator begin() const { return workers_.begin(); }
  std::vector<std::unique_ptr<DedicatedWorker>>::const_iterator end() const { return workers_.end(); }
  bool is_alive(std::size_t place) const { return alive_[place]; }

  /// The next message of any, each getting its turn. A failure when there is none in time, or nobody is alive.
  Answer<Received> receive(std::chrono::milliseconds timeout = kForever);

  /// For adapters to loops of events: as receive, without waiting, and one that died is told without its `end`. Then
  /// `mend` is to be called, which waits for its end, replaces it if that is wanted, and tells the end.
  Answer<Received> try_receive();
  WorkerEnd mend(std::size_t place);

 private:
  friend class WorkerFactory;
  WorkerPool();
  std::optional<Received> take(std::size_t place);
  std::optional<Received> next();

  std::vector<std::unique_ptr<DedicatedWorker>> workers_;
  std::vector<bool> alive_;
  std::function<Answer<DedicatedWorker>()> replace_;
  std::size_t next_ = 0;
  std::shared_ptr<async::Spin> spin_;
};

/// A connection to a shared worker.
class SharedWorker : public Master {
 public:
  SharedWorker(SharedWorker&&) noexcept;
  SharedWorker& operator=(SharedWorker&&) noexcept;
  ~SharedWorker();

  const std::string& address() const noexcept { return address_; }
  /// That it sends with query and stop; empty: none.
  const std::string& cookie() const noexcept { return cookie_; }
  /// Of its process; nullopt: not on this machine, or not known.
  std::optional<long> pid() const;
  Answer<Status> query(std::chrono::milliseconds timeout = kForever);
  /// `denied` without the right cookie. Else it listens no more when this returns; it ends when its masters have left
  /// or its drain is over. False: it is of a kind that does not acknowledge.
  Answer<bool> stop(std::chrono::milliseconds timeout = std::chrono::seconds{10});
  /// Waits until it has closed this connection, as it does at its end.
  Answer<> wait_for_end(std::chrono::milliseconds timeout);

 private:
  friend class WorkerFactory;
  SharedWorker();

  std::string address_;
  std::string cookie_;
};

/// Starts workers and connects to them.
class WorkerFactory {
 public:
  explicit WorkerFactory(Profile profile = {}) : profile_{std::move(profile)} {}

  const Profile& profile() const noexcept { return profile_; }

  /// A worker of that name, which its program registered with coworker::App. Returns when it has announced itself: its
  /// main() must call App::run before it does anything else.
  Answer<DedicatedWorker> create_worker(const std::string& name) const;
  /// Any program that speaks JSON texts; nothing is announced.
  Answer<DedicatedWorker> create_program(std::vector<std::string> command) const;

  /// `count` nullopt: as many as there are processors that this process may use.
  Answer<WorkerPool> create_pool(const std::string& name, std::optional<int> count = {},
                                 Replacement replacement = Replacement::none) const;
  Answer<WorkerPool> create_program_pool(std::vector<std::string> command, std::optional<int> count = {},
                                         Replacement replacement = Replacement::none) const;

  /// Connects to the shared worker at `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`. When nobody listens there, and
  /// it is an address of this machine, the worker `name` of the profile's program is started, once however many masters
  /// want that at the same time; with an empty name nothing is started.
  Answer<SharedWorker> connect(const std::string& address, const std::string& name = {}) const;
  /// The same with a program that is given the listening socket as descriptor 3 (LISTEN_FDS).
  Answer<SharedWorker> connect_program(const std::string& address, const std::vector<std::string>& command) const;
  /// Only starts it; `invalid` when the address is not of this machine, `failed` when somebody listens there.
  Answer<> start_shared(const std::string& address, const std::string& name) const;
  Answer<> start_shared_program(const std::string& address, const std::vector<std::string>& command) const;

  // The kill switch of the profile. Several addresses are one change; others see all of it or nothing.
  Answer<> disable_shared(const std::vector<std::string>& addresses) const;
  Answer<> enable_shared(const std::vector<std::string>& addresses) const;
  Answer<> disable_all_shared() const;
  /// Leaves the addresses that are disabled by themselves.
  Answer<> enable_all_shared() const;
  Answer<> enable_everything() const;
  /// By itself or with all.
  Answer<bool> is_shared_disabled(const std::string& address) const;
  Answer<bool> are_all_shared_disabled() const;
  Answer<std::vector<std::string>> disabled_shared() const;

 private:
  Answer<SharedWorker> connect_or_start(const std::string& address, const std::string& name,
                                        const std::vector<std::string>& command) const;

  Profile profile_;
};

/// Processors that this process may use, by its affinity and by its control group's share; at least 1.
int usable_processors();

}  // namespace coworker
