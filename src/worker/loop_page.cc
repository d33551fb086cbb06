#include "worker/loop_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace coworker::worker {
namespace {

constexpr std::size_t kBytes = 4096;
constexpr std::int64_t kIdle = 0;  // no user code runs

std::int64_t ticks(LoopPage::Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

LoopPage::Clock::duration duration_of(std::int64_t nanoseconds) {
  return std::chrono::duration_cast<LoopPage::Clock::duration>(std::chrono::nanoseconds{nanoseconds});
}

}  // namespace

/// All zero at first: spinning up.
struct LoopPage::Content {
  std::atomic<LoopPhase> phase;
  std::atomic<std::uint64_t> rounds;
  std::atomic<std::uint64_t> failed;
  std::atomic<std::int64_t> took;   // nanoseconds
  std::atomic<std::int64_t> alive;  // nanoseconds of the clock; kIdle
};

static_assert(std::atomic<LoopPhase>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

Result<std::unique_ptr<LoopPage>> LoopPage::create() {
  Fd fd{::memfd_create("coworker-loop", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd || ::ftruncate(fd.get(), kBytes) < 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
    return fail_errno(errno, "make the page of a loop worker");
  }
  return map(std::move(fd), PROT_READ);
}

Result<std::unique_ptr<LoopPage>> LoopPage::open(Fd fd) {
  struct stat info{};
  if (::fstat(fd.get(), &info) < 0) return fail_errno(errno, "open the page of a loop worker");
  if (info.st_size < static_cast<off_t>(kBytes)) {
    return fail(Errc::invalid_argument, "open the page of a loop worker: it is too small");
  }
  return map(std::move(fd), PROT_READ | PROT_WRITE);
}

Result<std::unique_ptr<LoopPage>> LoopPage::map(Fd fd, int protection) {
  void* memory = ::mmap(nullptr, kBytes, protection, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "map the page of a loop worker");
  return std::unique_ptr<LoopPage>{new LoopPage{std::move(fd), memory}};
}

LoopPage::~LoopPage() {
  ::munmap(content_, kBytes);
}

void LoopPage::set_phase(LoopPhase phase) {
  content_->phase.store(phase, std::memory_order_release);
}

void LoopPage::begin() {
  content_->alive.store(ticks(Clock::now().time_since_epoch()), std::memory_order_relaxed);
}
void LoopPage::beat() {
  // Who does not work gives no sign of it: that would look like work.
  std::int64_t alive = content_->alive.load(std::memory_order_relaxed);
  const std::int64_t now = ticks(Clock::now().time_since_epoch());
  if (alive != kIdle) content_->alive.compare_exchange_strong(alive, now, std::memory_order_relaxed);
}
void LoopPage::end() {
  content_->alive.store(kIdle, std::memory_order_relaxed);
}

void LoopPage::count_round(bool failed, Clock::duration took) {
  content_->took.store(ticks(took), std::memory_order_relaxed);
  if (failed) content_->failed.fetch_add(1, std::memory_order_relaxed);
  content_->rounds.fetch_add(1, std::memory_order_release);
}

LoopPhase LoopPage::phase() const {
  return content_->phase.load(std::memory_order_acquire);
}
std::uint64_t LoopPage::rounds() const {
  return content_->rounds.load(std::memory_order_acquire);
}
std::uint64_t LoopPage::failed_rounds() const {
  return content_->failed.load(std::memory_order_relaxed);
}
LoopPage::Clock::duration LoopPage::last_round() const {
  return duration_of(content_->took.load(std::memory_order_relaxed));
}

std::optional<LoopPage::Clock::time_point> LoopPage::silent_since() const {
  const std::int64_t alive = content_->alive.load(std::memory_order_relaxed);
  if (alive == kIdle) return std::nullopt;
  return Clock::time_point{duration_of(alive)};
}

}  // namespace coworker::worker
