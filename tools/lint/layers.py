"""Which room may include which.

The table is DEPENDS in src/CMakeLists.txt. On top of it:
  * job and engine are pure: no I/O, no thread, no current time, no randomness;
  * base, job, engine and journal never see the event loop (Boost.Asio) or a coroutine;
  * async is the room that wraps Boost.Asio. The rooms above it may name Asio's types (sockets, timers,
    executors, awaitables), because a wrapper around each would say the same under another name. They
    start coroutines through async::Gate only, which coroutines.py checks;
  * the installed headers are made of the standard library's and their own types, but for the opt-in
    the opt-in adapters in _ASIO_ADAPTERS.
"""

import re

import source

_ROOM = re.compile(r"cw_room\(\s*(\w+)([^)]*)\)")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

_ASIO = re.compile(r"^boost/(asio|beast)\b")
_WITHOUT_LOOP = {"base", "job", "engine", "journal"}
_IMPURE = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|atomic|semaphore|latch|barrier|stop_token|random|ctime|"
    r"time\.h|iostream|fstream|filesystem|cstdio|stdio\.h|unistd\.h|fcntl\.h|pthread\.h|signal\.h|csignal|"
    r"sys/.*|netinet/.*|arpa/.*)$")
_PURE = {"job", "engine"}
_PURE_CALLS = re.compile(r"\b(boot_millis|wall_millis|std::rand|random_device|[a-z]+_clock::now)\b")
_ASIO_ADAPTERS = {f"include/coworker/{name}.h" for name in ("asio", "waker", "awaitable", "async_factory")}
_PUBLIC_FOREIGN = re.compile(r"^(boost|fmt|spdlog|tl|CLI|yaml-cpp|gtest)\b|^xxhash")


def rooms(cmake):
    """{room: set of rooms it may include, itself among them} from the text of src/CMakeLists.txt."""
    table = {}
    for name, words in _ROOM.findall(re.sub(r"#[^\n]*", "", cmake)):
        allowed, keyword = {name}, None
        for word in words.split():
            if word in ("DEPENDS", "LINK", "THREADED"):
                keyword = word
            elif keyword == "DEPENDS":
                allowed.add(word)
        table[name] = allowed
    return table


def loops(table):
    """Rooms that reach themselves."""
    def reach(room, seen):
        for other in table.get(room, set()) - {room} - seen:
            seen.add(other)
            reach(other, seen)
        return seen
    return sorted(room for room in table if room in reach(room, set()))


def check(path, text, table):
    """Yields (line, complaint) for one file."""
    parts = path.split("/")
    public = path.startswith("include/")
    room = parts[1] if parts[0] == "src" and len(parts) > 2 else None
    if room is not None and room not in table:
        yield 1, f"folder src/{room} is no room of src/CMakeLists.txt"
        return
    beside = source.is_beside(path)
    for match in _INCLUDE.finditer(text):
        line = source.line_of(text, match.start(2))
        quoted, header = match.group(1) == '"', match.group(2)
        target = header.split("/")[0]
        if public:
            if target != "coworker" and (quoted or target in table):
                yield line, f"an installed header includes {header}, which is not installed"
            elif _PUBLIC_FOREIGN.match(header) and path not in _ASIO_ADAPTERS:
                yield line, f"an installed header shows {header}; own types only"
        if room is None:
            continue
        if "/" in header and target in table and target not in table[room]:
            yield line, f"{room} may not include {header}: {target} is not in its DEPENDS"
        if quoted and target == "coworker" and room in ("app", "worker", "api", "net"):
            continue  # the public API is made here
        if quoted and target not in table:
            yield line, f'"{header}" is not written from src/ ("room/file.h")'
        if room in _WITHOUT_LOOP and _ASIO.match(header):
            yield line, f"{room} may not see the event loop: {header}"
        if room in _PURE and not beside and _IMPURE.match(header):
            yield line, f"{room} is pure (no I/O, threads, clock or randomness): {header}"
    if room in _PURE and not beside:
        code = source.without_text(text)
        for match in _PURE_CALLS.finditer(code):
            yield source.line_of(code, match.start()), f"{room} is pure: {match.group(0)} gives what must come with a command"


def run():
    table = rooms(source.read("src/CMakeLists.txt"))
    for room in loops(table):
        yield f"src/CMakeLists.txt: room {room} depends on itself"
    for path in source.code_files():
        for line, complaint in check(path, source.read(path), table):
            yield f"{path}:{line}: {complaint}"
