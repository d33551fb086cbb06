#include "service/suspects.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace coworker::service {

Result<std::unique_ptr<Suspects>> Suspects::create() {
  Fd fd{::memfd_create("coworker-suspects", MFD_CLOEXEC)};
  if (!fd || ::ftruncate(fd.get(), sizeof(Table)) < 0) return fail_errno(errno, "make the list of suspects");
  return open(std::move(fd));
}

Result<std::unique_ptr<Suspects>> Suspects::open(Fd fd) {
  void* memory = ::mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "map the list of suspects");
  return std::unique_ptr<Suspects>{new Suspects{std::move(fd), static_cast<Table*>(memory)}};
}

Suspects::~Suspects() {
  ::munmap(table_, sizeof(Table));
}

void Suspects::add(std::uint64_t key) {
  if (!contains(key)) table_->keys[table_->next++ % kEntries] = key;
}

void Suspects::clear(std::uint64_t key) {
  for (std::atomic<std::uint64_t>& entry : table_->keys) {
    std::uint64_t expected = key;
    entry.compare_exchange_strong(expected, 0);
  }
}

bool Suspects::contains(std::uint64_t key) const {
  return key != 0 && std::any_of(table_->keys.begin(), table_->keys.end(),
                                 [key](const auto& entry) { return entry.load(std::memory_order_relaxed) == key; });
}

}  // namespace coworker::service
