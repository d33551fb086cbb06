"""File names and sizes.

Files and folders are snake_case; no file is a heap of leftovers (util, common, manager, helper, impl).
A source file stays within 400 lines, a header within 200 and a function within 60, or is listed with
its reason in allowed.txt: `PATH RULE REASON…`, RULE being name, length or function.
"""

import os
import re

import source

ALLOWED = "tools/lint/allowed.txt"
_SNAKE = re.compile(r"^[a-z0-9]+(_[a-z0-9]+)*$")
_HEAP = re.compile(r"(^|_)(util|utils|common|manager|helper|helpers|impl|misc)(_|$)")
_LIMITS = {".cc": 400, ".h": 200}
_FUNCTION_LIMIT = 60


def allowed(text):
    """{(path, rule)} of the list's text; a line without a reason is an error."""
    found = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3:
            raise ValueError(f"{ALLOWED}:{number}: no reason given")
        found.add((words[0], words[1]))
    return found


def _functions(code):
    """Yields (line, lines) of each function body that is not inside another."""
    offset = 0
    while True:
        offset = code.find("{", offset)
        if offset < 0:
            return
        begin = max(code.rfind(mark, 0, offset) for mark in ";{}") + 1
        head = code[begin:offset]
        if "(" in head and not re.match(r"\s*(namespace|class|struct|enum|union|extern)\b", head) \
                and not re.search(r"=\s*$", head):
            close = source.matching(code, offset)
            first = source.line_of(code, begin + len(head) - len(head.lstrip()))
            yield first, source.line_of(code, close) - first + 1
            offset = close
        offset += 1


def check(path, text, exceptions):
    """Yields (line, complaint) for one file."""
    stem, suffix = os.path.splitext(os.path.basename(path))
    folders = path.split("/")[:-1]
    if (path, "name") not in exceptions:
        for part in [stem] + [folder for folder in folders if folder != ".ci"]:
            if not _SNAKE.match(part):
                yield 1, f"'{part}' is not snake_case"
            elif _HEAP.search(part):
                yield 1, f"'{part}' says nothing: name the file after what it holds"
    lines = text.count("\n")
    if lines > _LIMITS[suffix] and (path, "length") not in exceptions:
        yield _LIMITS[suffix], f"{lines} lines, more than {_LIMITS[suffix]}: split it, or give the reason in {ALLOWED}"
    if suffix == ".h" and "#pragma once" not in text and not re.search(r"^#ifndef (\w+)\n#define \1$", text, re.MULTILINE):
        yield 1, "a header that may be included twice"
    if (path, "function") not in exceptions:
        for line, length in _functions(source.without_directives(source.without_text(text))):
            if length > _FUNCTION_LIMIT:
                yield line, f"a function of {length} lines, more than {_FUNCTION_LIMIT}: split it, or give the reason in {ALLOWED}"


def run():
    exceptions = allowed(source.read(ALLOWED))
    paths = source.code_files()
    for path, _ in sorted(exceptions):
        if path not in paths:
            yield f"{ALLOWED}: {path} does not exist"
    for path in paths:
        for line, complaint in check(path, source.read(path), exceptions):
            yield f"{path}:{line}: {complaint}"
