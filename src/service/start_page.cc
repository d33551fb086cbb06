#include "service/start_page.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

namespace coworker::service {

struct StartPage::Header {
  std::atomic<std::uint32_t> stopping;
  std::uint32_t slots;
  std::atomic<std::uint32_t> listening;
  std::atomic<std::uint32_t> ready;
  std::atomic<std::uint32_t> draining;
  std::atomic<std::uint32_t> beats;
  std::atomic<std::uint64_t> ended;
  std::uint64_t owner;
};

namespace {

constexpr std::size_t kHeaderBytes = 64;

}  // namespace

static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<Hold>::is_always_lock_free);

Result<std::unique_ptr<StartPage>> StartPage::create(std::size_t slots) {
  Fd fd{::memfd_create("coworker-page", MFD_CLOEXEC)};
  const std::size_t bytes = kHeaderBytes + slots * sizeof(PageSlot);
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) < 0) return fail_errno(errno, "make a shared page");
  Result<std::unique_ptr<StartPage>> page = open(std::move(fd));
  if (!page) return page;
  // The memory is all zero: every slot is free.
  (*page)->header_->slots = static_cast<std::uint32_t>(slots);
  std::random_device random;
  (*page)->header_->owner = random() | std::uint64_t{random()} << 32 | 1;
  return page;
}

Result<std::unique_ptr<StartPage>> StartPage::open(Fd fd) {
  struct stat info{};
  if (::fstat(fd.get(), &info) < 0) return fail_errno(errno, "open the shared page");
  const auto bytes = static_cast<std::size_t>(info.st_size);
  if (bytes < kHeaderBytes) return fail(Errc::invalid_argument, "open the shared page: it is too small");
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "map the shared page");
  return std::unique_ptr<StartPage>{
      new StartPage{std::move(fd), memory, bytes, (bytes - kHeaderBytes) / sizeof(PageSlot)}};
}

StartPage::StartPage(Fd fd, void* memory, std::size_t bytes, std::size_t slots)
    : fd_{std::move(fd)},
      memory_{memory},
      bytes_{bytes},
      header_{static_cast<Header*>(memory)},
      slots_{reinterpret_cast<PageSlot*>(static_cast<char*>(memory) + kHeaderBytes)} {
  for (std::size_t i = slots; i > 0; --i) unused_.push_back(i - 1);
}

StartPage::~StartPage() {
  ::munmap(memory_, bytes_);
}

std::size_t StartPage::take(const Attempt& attempt) {
  if (unused_.empty()) return kNone;
  const std::size_t index = unused_.back();
  unused_.pop_back();
  PageSlot& slot = slots_[index];
  slot.flags = 0;
  slot.group = 0;
  job::write_id(attempt.job.id, slot.id.data());
  slot.token = static_cast<std::uint64_t>(attempt.job.token);
  slot.queue = attempt.queue;
  slot.retries = attempt.retries;
  slot.crashes = attempt.crashes;
  slot.at_most_once = attempt.at_most_once ? 1 : 0;
  slot.expires = attempt.expires;
  slot.state.store(Hold::claimed, std::memory_order_release);
  return index;
}

void StartPage::free(std::size_t slot) {
  slots_[slot].state.store(Hold::free, std::memory_order_release);
  unused_.push_back(slot);
}

std::uint64_t StartPage::owner() const {
  return header_->owner;
}

void StartPage::set_stopping() {
  header_->stopping.store(1, std::memory_order_release);
}

bool StartPage::stopping() const {
  return header_->stopping.load(std::memory_order_acquire) != 0;
}

// In one order for both sides: a consumer that does not see the wish to drain is seen to listen.
void StartPage::set_listening() {
  header_->listening = 1;
}
void StartPage::set_draining() {
  header_->draining = 1;
}
bool StartPage::listening() const {
  return header_->listening != 0;
}
bool StartPage::draining() const {
  return header_->draining != 0;
}

void StartPage::set_ready(bool ready) {
  header_->ready.store(ready ? 1 : 0, std::memory_order_relaxed);
}
bool StartPage::ready() const {
  return header_->ready.load(std::memory_order_relaxed) != 0;
}

void StartPage::count_ended() {
  header_->ended.fetch_add(1, std::memory_order_relaxed);
}
std::uint64_t StartPage::ended() const {
  return header_->ended.load(std::memory_order_relaxed);
}

void StartPage::beat() {
  header_->beats.fetch_add(1, std::memory_order_relaxed);
}
std::uint32_t StartPage::beats() const {
  return header_->beats.load(std::memory_order_relaxed);
}

std::size_t StartPage::started() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < header_->slots; ++i) {
    if (slots_[i].state.load(std::memory_order_relaxed) == Hold::started) ++count;
  }
  return count;
}

std::vector<HeldJob> StartPage::held() const {
  std::vector<HeldJob> out;
  for (std::size_t i = 0; i < header_->slots; ++i) {
    const PageSlot& slot = slots_[i];
    HeldJob held;
    held.state = slot.state.load(std::memory_order_acquire);
    if (held.state == Hold::free) continue;
    const std::optional<job::JobId> id = job::parse_id({slot.id.data(), slot.id.size()});
    if (!id) continue;
    held.flags = slot.flags;
    held.group = slot.group;
    held.attempt.job = job::JobRef{*id, static_cast<job::Token>(slot.token)};
    held.attempt.queue = slot.queue;
    held.attempt.retries = slot.retries;
    held.attempt.crashes = slot.crashes;
    held.attempt.at_most_once = slot.at_most_once != 0;
    held.attempt.expires = slot.expires;
    out.push_back(held);
  }
  return out;
}

}  // namespace coworker::service
