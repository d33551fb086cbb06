#include "service/remains.h"

#include <csignal>

#include "proc/group.h"
#include "proc/strays.h"
#include "worker/process_options.h"

namespace coworker::service {
namespace {

constexpr Millis kCheckPause{5};

}  // namespace

Remains::Remains(async::Loop& loop, std::uint32_t owner, std::unique_ptr<StartPage> page)
    : owner_{owner}, page_{std::move(page)}, timer_{loop} {}

void Remains::after(Millis delay, void (Remains::*then)()) {
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), then](boost::system::error_code error) {
    if (!error) (self.get()->*then)();
  });
}

void Remains::bury(Ending ending, Done done) {
  dead_ = true;
  ending_ = std::move(ending);
  done_ = std::move(done);
  go_on();
}

std::vector<job::JobRef> Remains::unsettled() const {
  std::vector<job::JobRef> out;
  if (!dead_) return out;
  for (const HeldJob& job : page_->held()) {
    if ((job.flags & PageSlot::kLost) == 0) out.push_back(job.attempt.job);
  }
  return out;
}

void Remains::on_gone() {
  gone_ = true;
  go_on();
}

void Remains::on_keeper_lost() {
  keeper_lost_ = true;
  go_on();
}

void Remains::go_on() {
  if (!dead_ || going_ || !(gone_ || keeper_lost_)) return;
  going_ = true;
  gone_ ? confirm_strays() : confirm_without_keeper();
}

/// The keeper that would know is dead, but the page names the groups.
void Remains::confirm_without_keeper() {
  bool running = false;
  for (const HeldJob& job : page_->held()) {
    if (job.group == 0 || !proc::group_runs(job.group)) continue;
    proc::signal_group(job.group, SIGKILL);
    running = true;
  }
  if (running) return after(kCheckPause, &Remains::confirm_without_keeper);
  confirm_strays();
}

/// What left its group came to us when its consumer died.
void Remains::confirm_strays() {
  if (proc::kill_strays(worker::kStartVariable, {}) > 0) {
    return after(kCheckPause, &Remains::confirm_strays);
  }
  ending_.held = page_->held();
  ending_.owner = page_->owner();
  const Done done = std::move(done_);
  done(std::move(ending_));
}

}  // namespace coworker::service
