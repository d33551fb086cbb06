#!/usr/bin/env python3
"""Shows that the simulation finds what it is for: plants one bug at a time into a copy of the sources,
builds the simulation there, and demands that it reports faults.

    planted.py [--histories N] [NAME...]      NAME: skip-sync, drop-checksum, forget-token, resurrect,
                                              forget-owner, half-purge, drop-the-living, use-at-once
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# name: (what it does, file, text to replace, its replacement). The text must stand there exactly once.
BUGS = {
    "skip-sync": (
        "answers adds without syncing them",
        "src/journal/sync_task.cc",
        "if (auto synced = file->data_sync(); !synced) return synced;",
        "static_cast<void>(file);",
    ),
    "drop-checksum": (
        "takes records for whole that are torn",
        "src/journal/format.cc",
        "return record_sum(bytes.data(), record.mark, sum) == load<std::uint64_t>(bytes.data() + 8) ? Parsed::record",
        "return true ? Parsed::record",
    ),
    "forget-token": (
        "lets a holder answer whose lease was lost",
        "src/engine/state_moves.cc",
        "if (entry.state == job::State::leased && entry.token == job.token) return slot;",
        "if (entry.state != job::State::gone) return slot;",
    ),
    "resurrect": (
        "compaction keeps the records of jobs that are gone",
        "src/engine/state_restore.cc",
        "if (slot == 0 || slab_[slot].position != position) return {};",
        "if (slot == 0) {\n      effects.facts += bytes;\n"
        "      effects.items.push_back({.size = static_cast<std::uint32_t>(bytes.size()), .body = body});\n"
        "      return {};\n    }\n    if (slab_[slot].position != position) return {};",
    ),
    "forget-owner": (
        "keeps what was claimed for somebody who is no more",
        "src/engine/state_claim.cc",
        "if (!move(slot, job::Event::release)) continue;",
        "continue;",
    ),
    "half-purge": (
        "spares every other job of a purged queue",
        "src/engine/state_jobs.cc",
        "if (!purge.all && queues_.lane(entry.lane).queue != queue) continue;",
        "if (!purge.all && (queues_.lane(entry.lane).queue != queue || slot % 2 == 0)) continue;",
    ),
    "use-at-once": (
        "writes into a dropped segment's file while a power cut may give it its old name back",
        "src/journal/spares.cc",
        "resting_ = std::move(spare);",
        "spares_.push_back(std::move(spare));",
    ),
    "drop-the-living": (
        "drops segments without looking whether something lives in them",
        "src/engine/live_records.h",
        "return parts_.front().begin >= end;",
        "return parts_.front().begin >= 0 && end > 0;",
    ),
}


def plant(tree: pathlib.Path, file: str, old: str, new: str) -> None:
    path = tree / file
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"planted.py: {file} does not hold the line to break exactly once: {old}")
    path.write_text(text.replace(old, new))


def build(tree: pathlib.Path) -> pathlib.Path:
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    for command in (["cmake", "--preset", "release"], ["ninja", "-C", "build/release", "simulation"]):
        done = subprocess.run(command, cwd=tree, **quiet)
        if done.returncode != 0:
            sys.exit(f"planted.py: {' '.join(command)} failed:\n{done.stdout[-3000:]}")
    return tree / "build/release/bin/simulation"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=3000)
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git", "node_modules"))
        for name in arguments.names or BUGS:
            what, file, old, new = BUGS[name]
            plant(tree, file, old, new)
            program = build(tree)
            run = subprocess.run([program, str(arguments.histories)], stdout=subprocess.PIPE, text=True, timeout=600)
            shutil.copy(ROOT / file, tree / file)
            faults = [line for line in run.stdout.splitlines() if line.startswith("seed ")]
            kind = re.sub(r"^seed \d+: (job \S+ of '\S*': )?", "", faults[0]) if faults else "nothing found"
            print(f"{name:16} {what}: {'caught' if faults else 'MISSED'} ({kind})", flush=True)
            missed += not faults
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
