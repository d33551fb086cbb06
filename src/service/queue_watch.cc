#include "service/queue_watch.h"

#include <algorithm>

namespace coworker::service {
namespace {

std::uint64_t can_run(const job::QueueView& view) {
  if (view.pause_out) return 0;
  if (view.limit == 0) return view.ready;
  const std::uint64_t room = view.limit > view.leased ? view.limit - view.leased : 0;
  return std::min(view.ready, room);
}

}  // namespace

void QueueWatch::ask(const std::vector<std::string>& queues) {
  if (shared_->open > 0) return;
  for (const std::string& queue : queues) {
    ++shared_->open;
    store_.apply(job::QueueStat{queue}, [shared = shared_, queue](const Result<job::Answer>& answer) {
      --shared->open;
      const auto* view = answer ? std::get_if<job::QueueView>(&*answer) : nullptr;
      Row& row = shared->rows[queue];
      if (view == nullptr) {
        row.waiting = 0;
        return;
      }
      row = Row{true, can_run(*view), view->jobs_in};
    });
  }
}

QueueWatch::Seen QueueWatch::take(const ConsumerConfig& group) {
  Seen seen;
  std::map<std::string, std::uint64_t>& before = taken_[group.queues];
  for (const std::string& queue : group.queues) {
    const Row& row = shared_->rows[queue];
    seen.waiting += row.waiting;
    if (!row.known) continue;
    const auto [entry, first] = before.emplace(queue, row.jobs_in);
    // A queue that was forgotten and made again counts from zero.
    if (!first && row.jobs_in > entry->second) seen.arrived += row.jobs_in - entry->second;
    entry->second = row.jobs_in;
  }
  return seen;
}

}  // namespace coworker::service
