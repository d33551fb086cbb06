#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "app/command_list.h"
#include "app/output.h"
#include "app/store_session.h"
#include "journal/open_disk.h"
#include "journal/verify.h"
#include "store/embedded/backup.h"
#include "store/url.h"

namespace coworker::app {
namespace {

// verify and backup read files, so they need the directory itself and not the broker that serves it.
Result<std::string> directory_of(const Arguments& arguments) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return tl::unexpected{std::move(configuration.error())};
  const std::string url = configuration->settings.text({"store"});
  Result<store::StoreUrl> parsed = store::parse_url(url);
  if (!parsed) return tl::unexpected{std::move(parsed.error())};
  if (parsed->directory.empty()) {
    return fail(Errc::invalid_argument,
                fmt::format("'{}' is not a directory: run this where the store is, with --store file:DIR", url));
  }
  if (::access(parsed->directory.c_str(), F_OK) != 0) {
    return fail(Errc::not_found, fmt::format("there is no store at '{}'", parsed->directory));
  }
  return parsed->directory;
}

journal::Progress progress_of(const Arguments& arguments) {
  if (!arguments.has("progress") && ::isatty(STDERR_FILENO) == 0) return {};
  return [](std::uint64_t done, std::uint64_t total) {
    const double share = total == 0 ? 100.0 : 100.0 * static_cast<double>(done) / static_cast<double>(total);
    std::fputs(fmt::format("\r{:.0f} %{}", share, done >= total ? "\n" : "").c_str(), stderr);
  };
}

void print_report(std::string_view what, const journal::VerifyReport& report, bool json) {
  if (json) {
    return print_json(boost::json::object{{"segments", report.segments},
                                          {"records", report.records},
                                          {"items", report.items},
                                          {"bytes", report.bytes},
                                          {"begin", report.begin},
                                          {"end", report.end}});
  }
  print_line(fmt::format("{}: {} segments, {} records with {} items, {} bytes", what, report.segments, report.records,
                         report.items, report.bytes));
}

}  // namespace

int run_store_stat(const Arguments& arguments, const Context& context) {
  Result<Configuration> configuration = configuration_of(arguments);
  if (!configuration) return complain(configuration.error());
  Result<StoreSession> session = StoreSession::open(configuration->settings);
  if (!session) return complain(std::move(session.error()).wrap("open the store"));
  const Result<job::StoreTotals> totals = session->ask_for<job::StoreTotals>(job::Totals{});
  if (!totals) return complain(totals.error());
  const boost::json::object object = to_json(*totals);
  if (context.json) {
    print_json(object);
    return kDone;
  }
  for (const auto& [name, value] : object) {
    const std::string text = value.is_string() ? std::string{value.as_string()} : boost::json::serialize(value);
    if (!text.empty()) print_line(fmt::format("{:<14}{}", std::string{name}, text));
  }
  return kDone;
}

int run_store_verify(const Arguments& arguments, const Context& context) {
  const Result<std::string> directory = directory_of(arguments);
  if (!directory) return complain(directory.error());
  const Result<std::unique_ptr<journal::Disk>> disk = journal::open_disk(*directory);
  if (!disk) return complain(disk.error());
  const Result<journal::VerifyReport> report = journal::verify(**disk, progress_of(arguments));
  if (!report)
    return complain(Error{report.error().code(), fmt::format("verify '{}': {}", *directory, report.error().message())});
  print_report("nothing is damaged", *report, context.json);
  return kDone;
}

int run_store_backup(const Arguments& arguments, const Context& context) {
  const Result<std::string> directory = directory_of(arguments);
  if (!directory) return complain(directory.error());
  const std::string target = *arguments.text("TARGET");
  const Result<journal::VerifyReport> report = store::backup_directory(*directory, target, progress_of(arguments));
  if (!report)
    return complain(Error{report.error().code(), fmt::format("backup to '{}': {}", target, report.error().message())});
  print_report(fmt::format("copied to {}", target), *report, context.json);
  return kDone;
}

}  // namespace coworker::app
