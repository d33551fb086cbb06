#include "channel/resp/number.h"

namespace coworker::channel::resp {

static_assert(parse_integer("0") == 0);
static_assert(parse_integer("-1") == -1);
static_assert(parse_integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
static_assert(parse_integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
static_assert(!parse_integer("9223372036854775808"));
static_assert(!parse_integer("-9223372036854775809"));
static_assert(!parse_integer(""));
static_assert(!parse_integer("-"));
static_assert(!parse_integer("-0"));
static_assert(!parse_integer("+1"));
static_assert(!parse_integer("01"));
static_assert(!parse_integer(" 1"));
static_assert(!parse_integer("1 "));
static_assert(!parse_integer("1.0"));
static_assert(!parse_integer("1e3"));
static_assert(parse_unsigned("0") == 0u);
static_assert(parse_unsigned("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
static_assert(!parse_unsigned("18446744073709551616"));
static_assert(!parse_unsigned("-1"));
static_assert(!parse_unsigned(""));
static_assert(!parse_unsigned("00"));

}  // namespace coworker::channel::resp
