#include "journal/spares.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace coworker::journal {
namespace {

constexpr std::string_view kPrefix = "spare-";

}  // namespace

bool Spares::is_spare(const std::string& name) {
  return name.starts_with(kPrefix);
}

void Spares::adopt(const std::string& name) {
  std::uint64_t number = 0;
  const char* const digits = name.data() + kPrefix.size();
  if (std::from_chars(digits, name.data() + name.size(), number).ec == std::errc{}) {
    next_number_ = std::max(next_number_, number + 1);
  }
  auto file = disk_.open(name);
  if (!file) return;
  const auto size = (*file)->size();
  if (size && *size > 0 && (*file)->truncate(0) && (*file)->preallocate(*size)) {
    spares_.push_back({.file = std::move(*file), .name = name, .bytes = *size});
  } else {
    static_cast<void>(disk_.remove(name));
  }
}

std::uint64_t Spares::bytes() const {
  std::uint64_t sum = resting_ ? resting_->bytes : 0;
  for (const Spare& spare : spares_) sum += spare.bytes;
  return sum;
}

bool Spares::has_one_of(std::uint64_t bytes) const {
  return std::any_of(spares_.begin(), spares_.end(), [&](const Spare& spare) { return spare.bytes >= bytes; });
}

Result<> Spares::keep(std::size_t count, std::uint64_t bytes, std::uint64_t largest) {
  while (spares_.size() < count) {
    auto spare = make(bytes);
    if (!spare) return tl::unexpected{spare.error()};
    spares_.push_back(std::move(*spare));
  }
  if (count == 0 || has_one_of(largest)) return {};
  const auto closest = std::max_element(spares_.begin(), spares_.end(),
                                        [](const Spare& a, const Spare& b) { return a.bytes < b.bytes; });
  return grow(*closest, largest);
}

Result<Spare> Spares::take(std::uint64_t bytes, std::uint64_t wished) {
  if (spares_.empty()) return make(std::max(bytes, wished)).or_else([&](const Error&) { return make(bytes); });
  std::sort(spares_.begin(), spares_.end(), [](const Spare& a, const Spare& b) { return a.bytes < b.bytes; });
  auto chosen = std::find_if(spares_.begin(), spares_.end(), [&](const Spare& spare) { return spare.bytes >= bytes; });
  if (chosen == spares_.end()) {
    --chosen;
    if (auto grown = grow(*chosen, bytes); !grown) return tl::unexpected{grown.error()};
  }
  // Only a wish: the spare suffices as it is.
  if (chosen->bytes < wished) static_cast<void>(grow(*chosen, wished));
  Spare spare = std::move(*chosen);
  spares_.erase(chosen);
  return spare;
}

Result<Spare> Spares::make(std::uint64_t bytes) {
  const auto space = disk_.space();
  if (!space) return tl::unexpected{space.error()};
  if (space->free < bytes) {
    return fail(Errc::resource_exhausted, fmt::format("the disk of '{}' is full: {} bytes are free, {} are needed",
                                                      disk_.where(), space->free, bytes));
  }
  Spare spare;
  spare.name = fmt::format("{}{}", kPrefix, next_number_);
  auto file = disk_.create(spare.name);
  if (!file) return tl::unexpected{file.error()};
  ++next_number_;
  spare.file = std::move(*file);
  if (auto allocated = spare.file->preallocate(bytes); !allocated) {
    static_cast<void>(disk_.remove(spare.name));
    return tl::unexpected{allocated.error()};
  }
  spare.bytes = bytes;
  return spare;
}

Result<> Spares::reuse(std::shared_ptr<File> file, const std::string& name, std::uint64_t bytes) {
  CW_CHECK(!resting_);
  Spare spare{.file = std::move(file), .name = fmt::format("{}{}", kPrefix, next_number_), .bytes = bytes};
  if (auto renamed = disk_.rename(name, spare.name); !renamed) return renamed;
  ++next_number_;
  resting_ = std::move(spare);
  return {};
}

void Spares::names_are_synced() {
  if (!resting_) return;
  // Somebody may be copying the segment that it was.
  if (resting_->file->is_open_elsewhere()) {
    static_cast<void>(disk_.remove(resting_->name));
  } else {
    spares_.push_back(std::move(*resting_));
  }
  resting_.reset();
}

Result<> Spares::grow(Spare& spare, std::uint64_t bytes) {
  const auto space = disk_.space();
  if (!space) return tl::unexpected{space.error()};
  if (space->free < bytes - spare.bytes) {
    return fail(Errc::resource_exhausted, fmt::format("the disk of '{}' is full: {} bytes are free, {} are needed",
                                                      disk_.where(), space->free, bytes - spare.bytes));
  }
  if (auto allocated = spare.file->preallocate(bytes); !allocated) return allocated;
  spare.bytes = bytes;
  return {};
}

}  // namespace coworker::journal
