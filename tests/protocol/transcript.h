#pragma once

#include <filesystem>
#include <string>

namespace coworker::test {

/// Plays a transcript against a broker of its own; returns what went wrong first, or "".
///
/// A line is one of
///
///     # a comment
///     > WORDS              client 1 sends a request; words as in an inline request ("…" for spaces)
///     >> BYTES             client 1 sends these bytes; \r \n \t \0 \xHH \\ are escapes, \*N(c) is N times c
///     < REPLY              client 1 must receive this next, written as `render` does
///     < closed             the server must close client 1's connection
///     2> …  2< …           the same for client 2 (1 to 9); a client connects when it is first named
///     2 blocks             client 2's request must now be blocked; waits until the server says so
///     2 leaves             client 2 closes its connection, and is not blocked any more
///     restart              the broker is stopped and started; all clients are gone
///
/// In a reply, `{name}` stands for a word without spaces, quotes and brackets, which must be the same wherever
/// that name is used, also in requests; `{id}`-like names must begin with a letter. A word `<empty>` of a request is
/// the empty word. `{*}` stands for anything.
std::string play(const std::filesystem::path& file);

}  // namespace coworker::test
