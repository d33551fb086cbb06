#include "service/civi_tasks.h"

namespace coworker::service {
namespace {

using civi::ItemOutcome;

constexpr std::uint32_t kNode = 0x63697669;  // "civi": no store takes it for its own

std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t value = 0xcbf29ce484222325 ^ seed;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value ^ (value >> 29);
}

EventKind kind_of(ItemOutcome outcome) {
  switch (outcome) {
    case ItemOutcome::ok:
      return EventKind::done;
    case ItemOutcome::retry:
    case ItemOutcome::deleted:
    case ItemOutcome::aborted:
    case ItemOutcome::error:
      return EventKind::failed;
    case ItemOutcome::died:
      return EventKind::crashed;
    case ItemOutcome::relinquished:
    case ItemOutcome::unsent:
      break;
  }
  return EventKind::released;
}

log::Level level_of(ItemOutcome outcome) {
  switch (outcome) {
    case ItemOutcome::ok:
      return log::Level::debug;
    case ItemOutcome::retry:
    case ItemOutcome::relinquished:
    case ItemOutcome::unsent:
      return log::Level::warning;
    case ItemOutcome::deleted:
    case ItemOutcome::aborted:
    case ItemOutcome::error:
    case ItemOutcome::died:
      break;
  }
  return log::Level::error;
}

const char* text_of(ItemOutcome outcome) {
  switch (outcome) {
    case ItemOutcome::retry:
      return "it failed, and CiviCRM will give it out again";
    case ItemOutcome::deleted:
      return "it failed, and CiviCRM has deleted it";
    case ItemOutcome::aborted:
      return "it failed, and CiviCRM has stopped its queue";
    case ItemOutcome::relinquished:
      return "not attempted, since another one stopped the queue";
    default:
      return "";
  }
}

}  // namespace

job::JobId civi_job_id(const std::string& queue, const std::string& item) {
  const std::string text = queue + '\0' + item;
  job::JobId id;
  id.node = kNode;
  id.ttl = 1;
  id.key = static_cast<job::Key>(hash(text, 0));
  const std::uint64_t more = hash(text, 0x9e3779b97f4a7c15);
  for (std::size_t i = 0; i < 8; ++i) id.salt[i] = static_cast<std::uint8_t>(more >> (8 * i));
  return id;
}

Result<std::unique_ptr<CiviTasks>> CiviTasks::make(const CiviConfig& config, const CiviConfig::Parts& parts,
                                                   EventLog& log) {
  Result<std::shared_ptr<civi::Connection>> control = config.control(parts);
  if (!control) return tl::unexpected{std::move(control.error())};
  Result<std::shared_ptr<civi::Connection>> work = config.work ? config.work(parts) : control;
  if (!work) return tl::unexpected{std::move(work.error())};
  std::unique_ptr<CiviTasks> tasks{new CiviTasks{log}};
  tasks->agent_ =
      std::make_unique<civi::Agent>(parts.loop, std::move(*control), std::move(*work), config.agent,
                                    [own = tasks.get()](const civi::Agent::Event& event) { own->tell(event); });
  return tasks;
}

void CiviTasks::hold(bool on) {
  held_ = on;
  agent_->hold(is_paused());
}

void CiviTasks::pause(bool on) {
  paused_ = on;
  agent_->hold(is_paused());
}

async::Task<Result<>> CiviTasks::run() {
  Result<> outcome = co_await agent_->run();
  co_return outcome;
}

void CiviTasks::tell(const civi::Agent::Event& said) {
  Event event;
  event.kind = said.is_start ? EventKind::started : said.text.empty() ? kind_of(said.outcome) : EventKind::progress;
  const bool is_end = !said.is_start && said.text.empty();
  if (is_end) event.level = level_of(said.outcome);
  if (!log_.wants(event.kind) && !(event.level && log::enabled(*event.level))) return;
  const std::string item = civi::id_text(said.item.id);
  event.job = civi_job_id(said.item.queue, item);
  event.task = "civi:" + said.item.queue + "/" + item;
  event.queue = said.item.queue;
  event.worker = "civi";
  event.pid = said.pid;
  event.text = said.text;
  if (is_end) {
    event.outcome = civi::to_string(said.outcome);
    event.reason = said.reason.empty() ? text_of(said.outcome) : said.reason;
    if (said.certificate != nullptr) event.certificate = *said.certificate;
  }
  log_.tell(std::move(event));
}

}  // namespace coworker::service
