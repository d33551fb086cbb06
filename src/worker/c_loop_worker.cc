#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "worker/c_workers.h"

namespace coworker::worker {
namespace {

/// What a call said of itself.
struct Said {
  bool has_failed = false;
  std::string text;
};

void done(void* context, const char* result, size_t length) {
  *static_cast<Said*>(context) = {false, {result, length}};
}

void failed(void* context, const char* reason, size_t length) {
  *static_cast<Said*>(context) = {true, {reason, length}};
}

class LoopWorkerInC final : public LoopWorker {
 public:
  LoopWorkerInC(const CwLoopWorker& functions, void* context) : functions_{functions}, context_{context} {
    if (functions_.command == nullptr || functions_.words == nullptr) return;
    for (const char* const* word = functions_.words; *word != nullptr; ++word) {
      on(*word, [this, own = *word](const std::string& arguments) { return command(own, arguments); });
    }
  }

  void spinup() override {
    place_ = {sizeof place_, name().c_str(), id().c_str(), this, is_stopped, tell_beat};
    call(functions_.spinup);
  }
  void loop() override { call(functions_.loop); }
  void spindown() override { call(functions_.spindown); }

 private:
  static int is_stopped(void* self) { return static_cast<LoopWorkerInC*>(self)->stop().stop_requested() ? 1 : 0; }
  static void tell_beat(void* self) { static_cast<LoopWorkerInC*>(self)->beat(); }

  template <class Call>
  static std::string outcome_of(Call&& call) {
    Said said;
    const CwOutcome outcome{sizeof outcome, &said, done, failed};
    call(&outcome);
    if (said.has_failed) throw std::runtime_error{said.text};
    return said.text;
  }

  void call(CwLoopCall function) {
    if (function == nullptr) return;
    outcome_of([&](const CwOutcome* outcome) { function(context_, &place_, outcome); });
  }

  std::string command(const char* word, const std::string& arguments) {
    return outcome_of([&](const CwOutcome* outcome) {
      functions_.command(context_, &place_, word, arguments.data(), arguments.size(), outcome);
    });
  }

  CwLoopWorker functions_;
  void* context_;
  CwLoopPlace place_{};
};

}  // namespace

LoopEntry loop_in_c(const CwLoopWorker& functions, void* context, Millis looptime) {
  // One that is older than this program has fewer.
  CwLoopWorker own{};
  std::memcpy(&own, &functions, std::min(functions.size, sizeof own));
  LoopEntry entry;
  entry.make = [own, context] { return std::make_unique<LoopWorkerInC>(own, context); };
  entry.options.looptime = looptime;
  entry.options.forever = true;
  return entry;
}

}  // namespace coworker::worker
