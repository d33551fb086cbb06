"""The files of the project and their text, as the checks see them."""

import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE = (".cc", ".h")
CODE_FOLDERS = ("src/", "include/", "tests/", "bench/", "fuzz/")


def files():
    """Paths of all kept files, relative to the root: what git tracks or would add, else all there is."""
    try:
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True).stdout.decode()
        found = [path for path in listed.split("\0") if path]
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [name for name in folders if name not in (".git", "build", "node_modules", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(path for path in set(found) if os.path.isfile(os.path.join(ROOT, path)))


def code_files():
    return [path for path in files() if path.endswith(CODE) and path.startswith(CODE_FOLDERS)]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def is_beside(path):
    """Whether this is a test, benchmark or fuzz target that stands beside the code it uses."""
    return re.search(r"_(test|bench|fuzz)\.cc$", path) is not None


_BLANKED = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'
      | "(?:\\.|[^"\\\n])*" """,
    re.DOTALL | re.VERBOSE)


def without_text(code):
    """The code with comments and the insides of literals blanked; every character keeps its place."""
    def blank(match):
        found = match.group(0)
        hollow = re.sub(r"[^\n]", " ", found)
        if found.startswith(("//", "/*")):
            return hollow
        return '"' + hollow[1:-1] + '"'
    return _BLANKED.sub(blank, code)


def without_directives(code):
    """The code with preprocessor lines blanked, continued ones too."""
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda match: re.sub(r"[^\n]", " ", match.group(0)), code,
                  flags=re.MULTILINE)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def matching(text, start):
    """The offset of the bracket that closes the one at `start`, or the text's length."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    depth = []
    for offset in range(start, len(text)):
        character = text[offset]
        if character in pairs:
            depth.append(pairs[character])
        elif depth and character == depth[-1]:
            depth.pop()
            if not depth:
                return offset
    return len(text)
