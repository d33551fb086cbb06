#pragma once

#include <cstdint>
#include <string>

#include "job/command.h"
#include "net/resp/reply_queue.h"

/// Answers of the store as Disque's replies. Each is a `Format`; `detail` is 0 unless said.
namespace coworker::net::resp {

enum ClaimDetail : std::uint32_t {
  kWithCounters = 1,
  kLeavingWhenNone = 2,  // no job: LEAVING, not a null array
};

enum ScanDetail : std::uint32_t {
  kScanShow = 1,  // descriptions, not ids
};

void format_added(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_claimed(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// Statuses: how many were done. Count: the count.
void format_count(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_worked(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// View, or a null bulk.
void format_show(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// QueueView: its length; 0 when there is none.
void format_queue_length(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_queue_stat(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_queue_pause(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_peek(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// Views as a page of JSCAN; detail: ScanDetail.
void format_job_scan(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_ok(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// StoreTotals as the reply to PING: PONG, or MISCONF while the store cannot be written.
void format_ping(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);

/// The same for the CW commands.
void format_cw_added(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_claimed(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_statuses(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// QueueView, or a null array.
void format_cw_queue(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_queues(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_jobs(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
/// Views without a cursor.
void format_cw_peek(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_show(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_history(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);
void format_cw_totals(std::string& out, const job::Answer& answer, const Identity& identity, std::uint32_t detail);

/// One job as SHOW describes it: 30 elements.
void append_show(std::string& out, const job::View& view, const Identity& identity);

}  // namespace coworker::net::resp
