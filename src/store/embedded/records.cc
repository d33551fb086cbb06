#include "store/embedded/records.h"

#include "engine/fact.h"

namespace coworker::store {

std::optional<Error> fill(job::Answer& answer, std::size_t index, const journal::NearItem& record) {
  if (auto* claimed = std::get_if<job::Claimed>(&answer)) {
    claimed->jobs[index].body = record.body;
    return std::nullopt;
  }
  auto fact = engine::decode_job(record.head);
  if (!fact) return fact.error();
  auto* views = std::get_if<job::Views>(&answer);
  job::View& view = views != nullptr ? views->jobs[index] : std::get<job::View>(answer);
  view.body = record.body;
  // Disque's counter within a millisecond: the key's, which grows with each job.
  const auto count = static_cast<std::uint64_t>(view.id.key) % 1'000'000;
  view.created = fact->created_ms * 1'000'000 + count;
  view.delay = Millis{fact->delay_ms};
  view.replicas = fact->replicas;
  return std::nullopt;
}

}  // namespace coworker::store
