#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "channel/resp/reply_decoder.h"
#include "job/command.h"

/// What replies of servers of the Disque protocol say, as values of job/command.h. Pure; a reply of another shape
/// than expected is `internal` ("unexpected reply …"), never a crash: the server may be any program.
namespace coworker::store::disque {

using channel::resp::Reply;

/// An error reply as an Error, by its code word.
Error error_of(const Reply& reply);

tl::unexpected<Error> unexpected_reply(std::string_view to);

/// A flat array of names and values. The reply must outlive it.
class Fields {
 public:
  explicit Fields(const Reply& reply) : reply_{reply} {}

  const Reply* find(std::string_view name) const;
  std::string text(std::string_view name) const;
  /// Of an integer or of a text of digits; 0 when it is not there.
  std::int64_t number(std::string_view name) const;
  /// yes or no, as texts or numbers.
  bool flag(std::string_view name) const;
  std::optional<Millis> millis_or_none(std::string_view name) const;

 private:
  const Reply& reply_;
};

bool is_fields(const Reply& reply);

std::optional<std::int64_t> integer_of(const Reply& reply);
std::optional<std::uint64_t> unsigned_of(const Reply& reply);

Result<job::View> view_of(const Reply& reply);
Result<job::QueueView> queue_view_of(const Reply& reply);
Result<job::StoreTotals> totals_of(const Reply& reply);

/// `[cursor, [element…]]`: the cursor, or nullopt when it is of another shape.
std::optional<std::uint64_t> page_cursor(const Reply& reply);

}  // namespace coworker::store::disque
