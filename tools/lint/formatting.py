"""C++ is formatted as .clang-format says; shell scripts pass shellcheck."""

import subprocess

import source


def run():
    code = source.code_files()
    for start in range(0, len(code), 50):
        found = subprocess.run(["clang-format-19", "--dry-run", "-Werror", *code[start:start + 50]], cwd=source.ROOT,
                               capture_output=True, text=True, check=False)
        places = {}
        for line in found.stderr.splitlines():
            if ": error: " in line:
                path, number = line.split(":")[:2]
                places.setdefault(path, number)
        for path, number in places.items():
            yield f"{path}:{number}: not formatted; run clang-format-19 -i {path}"
        if found.returncode != 0 and not places:
            yield f"clang-format-19: {found.stderr.strip()}"

    scripts = [path for path in source.files() if "." not in path.split("/")[-1] or path.endswith((".sh", ".bash"))]
    scripts = [path for path in scripts if not path.startswith("fuzz/") and _is_shell(path)]
    found = subprocess.run(["shellcheck", "--shell=bash", "--severity=warning", "--format=gcc", *scripts], cwd=source.ROOT, capture_output=True, text=True,
                           check=False)
    yield from (found.stdout or found.stderr).splitlines()


def _is_shell(path):
    try:
        first = source.read(path).split("\n", 1)[0]
    except UnicodeDecodeError:
        return False
    return path.endswith(".bash") or (first.startswith("#!") and ("bash" in first or first.endswith("/sh")))
