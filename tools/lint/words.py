"""What no kept file says: notes to self, paths of one machine, leftovers of a merge."""

import re

import source

_REFUSED = (
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"), "a note to self: do it, or drop it"),
    (re.compile(r"(?<![\w.$}])/(wo" r"rk|ro" r"ot|home/\w+)/"), "a path of one machine"),
    (re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE), "a leftover of a merge"),
    (re.compile(r"[ \t]+$", re.MULTILINE), "white space at the line's end"),
    (re.compile(r"\r"), "a carriage return"),
)
# Data whose bytes are the point.
_DATA = re.compile(r"(^fuzz/corpus/|^tests/.*/(data|golden)/|\.(bin|seg|png|lock)$|package-lock\.json$|^LICENSE$)")


def check(path, text):
    """Yields (line, complaint) for one file."""
    for pattern, complaint in _REFUSED:
        for match in pattern.finditer(text):
            if path.endswith(".md") and complaint.startswith("white space") and match.group(0) == "  ":
                continue  # a line break in Markdown
            yield source.line_of(text, match.start()), complaint
    if text and not text.endswith("\n"):
        yield source.line_of(text, len(text)), "no line end at the end of the file"


def run():
    for path in source.files():
        if _DATA.search(path):
            continue
        try:
            text = source.read(path)
        except UnicodeDecodeError:
            yield f"{path}:1: not UTF-8"
            continue
        for line, complaint in check(path, text):
            yield f"{path}:{line}: {complaint}"
