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

void add(civi::Agent::Status& all, const civi::Agent::Status& status) {
  all.site = status.site;
  all.failures = status.failures;
  all.running += status.running;
  for (const auto& [queue, ended] : status.ended) {
    auto& sums = all.ended[queue];
    for (std::size_t i = 0; i < ended.size(); ++i) sums[i] += ended[i];
  }
  all.left.insert(all.left.end(), status.left.begin(), status.left.end());
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(all.left, [now](const civi::Agent::Left& each) { return each.until <= now; });
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

CiviTasks::CiviTasks(CiviConfig::Parts parts, async::Gate& gate, EventLog& log, Events events)
    : parts_{std::move(parts)}, gate_{gate}, log_{log}, events_{std::move(events)} {}

Result<std::unique_ptr<civi::Agent>> CiviTasks::make(const CiviConfig& config) {
  Result<std::shared_ptr<civi::Connection>> control = config.control(parts_);
  if (!control) return tl::unexpected{std::move(control.error())};
  Result<std::shared_ptr<civi::Connection>> work = config.work ? config.work(parts_) : control;
  if (!work) return tl::unexpected{std::move(work.error())};
  return std::make_unique<civi::Agent>(parts_.loop, std::move(*control), std::move(*work), config.agent,
                                       [this](const civi::Agent::Event& event) { tell(event); });
}

Result<> CiviTasks::serve(std::shared_ptr<const CiviConfig> config) {
  if (config && config_ && config->made_of == config_->made_of) return {};
  std::unique_ptr<civi::Agent> next;
  if (config) {
    Result<std::unique_ptr<civi::Agent>> made = make(*config);
    if (!made) return tl::unexpected{std::move(made.error())};
    next = std::move(*made);
  }
  if (config_ && !agents_.empty()) agents_.back()->drain();
  config_ = std::move(config);
  if (!next) return {};
  next->hold(is_paused());
  agents_.push_back(std::move(next));
  gate_.spawn("CiviCRM", run(agents_.back().get()));
  return {};
}

async::Task<> CiviTasks::run(civi::Agent* agent) {
  Result<> outcome = co_await agent->run();
  const bool was_serving = config_ && agents_.back().get() == agent;
  if (was_serving) config_ = nullptr;
  add(past_, agent->status());
  std::erase_if(agents_, [agent](const auto& each) { return each.get() == agent; });
  if (was_serving) events_.on_end(std::move(outcome));
  if (agents_.empty()) events_.on_over();
}

void CiviTasks::stop() {
  for (const auto& agent : agents_) agent->stop();
}

void CiviTasks::hold(bool on) {
  held_ = on;
  for (const auto& agent : agents_) agent->hold(is_paused());
}

void CiviTasks::pause(bool on) {
  paused_ = on;
  for (const auto& agent : agents_) agent->hold(is_paused());
}

civi::Agent::Status CiviTasks::status() const {
  civi::Agent::Status all = past_;
  for (const auto& agent : agents_) add(all, agent->status());
  return all;
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
