#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coworker {

/// A process that does the same thing every period until it is told to stop:
///
///     class Copier : public coworker::LoopWorker {
///       void spinup() override { … }               // once, at the start of the process
///       void loop() override { copy_new_files(); } // every period
///       void spindown() override { … }             // once, at a stop in good order
///     };
///
///     app.loop_worker<Copier>("copier", {.looptime = std::chrono::seconds{10}});
///
/// What loop() throws is a failed round: it is logged and counted, and the next one comes in its time. What spinup()
/// throws ends the process, and its supervisor decides what becomes of that.
///
/// All functions here are called by one thread, never two at the same time; only beat() and stop() may be used from
/// others, too.
class LoopWorker {
 public:
  virtual ~LoopWorker() = default;

  virtual void spinup() {}
  virtual void loop() = 0;
  virtual void spindown() {}

  /// What came with a command, and what it is answered: JSON texts. An empty reply is null; what it throws is the error
  /// that the sender gets.
  using Handler = std::function<std::string(const std::string& arguments)>;

  /// Who it is, from spinup() on. Given by whoever runs it.
  struct Place {
    std::string name;
    std::string id;
    std::stop_token stop;
    std::function<void()> beat;
  };
  void take_place(Place place) { place_ = std::move(place); }

  /// nullptr: no such word.
  const Handler* handler(const std::string& word) const {
    const auto found = handlers_.find(word);
    return found == handlers_.end() ? nullptr : &found->second;
  }

 protected:
  /// In the constructor or in spinup(): what a command word does, between two rounds and while paused. The words that
  /// mean something already can be listened to, after they have taken effect, and replies to them are not used:
  /// "pause", "resume", "stop" (before spindown()), "loopstart" and "loopstop" (around each round).
  void on(std::string word, Handler handler) { handlers_[std::move(word)] = std::move(handler); }

  const std::string& name() const { return place_.name; }
  const std::string& id() const { return place_.id; }

  /// Requested when the worker is to stop: a long round may return early then.
  const std::stop_token& stop() const { return place_.stop; }

  /// In a round longer than the limit for a hang: it goes on, it does not hang.
  void beat() const {
    if (place_.beat) place_.beat();
  }

 private:
  Place place_;
  std::map<std::string, Handler> handlers_;
};

/// How a loop worker is run. The configuration (loops.NAME) may say otherwise, key by key.
struct LoopOptions {
  std::chrono::milliseconds looptime{1'000};  // from the start of one round to the start of the next
  bool forever = false;                       // started again when its process dies; else its end stops the program
  std::chrono::milliseconds jitter{0};        // each round starts up to so much later
  std::chrono::milliseconds hang{0};          // a round of this length without beat() is killed; 0: never
  std::uint32_t restarts = 10;                // in a row, then it is given up; 0: never
  std::string id{};                           // empty: its name
  std::string logger{};                       // what its lines in the log begin with; empty: its name
  std::string user{};                         // "user" or "user:group"; empty: whoever runs the program
  int niceness = 0;
  std::string directory{};  // empty: the program's
  std::map<std::string, std::string> environment{};
  std::uint64_t memory = 0;          // bytes it may allocate; 0: no limit
  std::chrono::seconds cpu{0};       // of its process; 0: no limit
  std::uint64_t open_files = 0;      // descriptors; 0: no limit
  std::vector<std::string> after{};  // loop workers that must have spun up before it starts; stopped after it
};

}  // namespace coworker
