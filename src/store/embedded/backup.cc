#include "store/embedded/backup.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "journal/disk.h"
#include "journal/open_disk.h"
#include "store/embedded/meta.h"

namespace coworker::store {
namespace {

constexpr const char* kSpoolFile = "spool";

Result<> copy_small(journal::Disk& target, const char* name, const Result<std::string>& content) {
  if (!content && content.error().code() == Errc::not_found) return {};
  if (!content) return tl::unexpected{content.error()};
  return journal::replace_small(target, name, journal::as_bytes(*content));
}

Result<> require_empty(const std::string& target) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(target, error);
  if (!is_there || std::filesystem::is_empty(target, error)) return {};
  return fail(Errc::conflict, fmt::format("'{}' is not an empty directory", target));
}

}  // namespace

Result<journal::VerifyReport> backup_directory(const std::string& source, const std::string& target,
                                               const journal::Progress& progress) {
  if (Result<> empty = require_empty(target); !empty) return tl::unexpected{std::move(empty.error())};
  Result<std::unique_ptr<journal::Disk>> from = journal::open_disk(source);
  if (!from) return tl::unexpected{std::move(from.error())};
  Result<std::unique_ptr<journal::Disk>> to = journal::open_disk(target);
  if (!to) return tl::unexpected{std::move(to.error())};
  // The spool before the journal: an owner may take it over meanwhile, and then its jobs are in both, which a store
  // notices when it opens. The meta file after it: its epoch must not be older than what was copied.
  const Result<std::string> spool = journal::read_small(**from, kSpoolFile);
  Result<journal::VerifyReport> report = journal::backup(**from, **to, progress);
  if (!report) return report;
  const Result<std::string> meta = journal::read_small(**from, kMetaFile);
  for (const Result<>& copied : {copy_small(**to, kSpoolFile, spool), copy_small(**to, kMetaFile, meta)}) {
    if (!copied) return tl::unexpected{copied.error()};
  }
  return report;
}

}  // namespace coworker::store
