"""Runs one measurement of each contestant in turn, again and again, and keeps the medians.

A machine that others use as well is faster in one minute than in the next. Turns make that hit every
contestant alike.
"""

import json
import statistics
import subprocess
import sys
import time


def run(command):
    """The one line of JSON a program of ours prints."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:4])}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def in_turns(contestants, rounds):
    """{name: median} of functions that return a number, or a tuple of numbers."""
    results = {name: [] for name in contestants}
    for turn in range(rounds):
        for name, function in contestants.items():
            print(f"\r  turn {turn + 1}/{rounds}: {name:<44}", end="", file=sys.stderr, flush=True)
            value = function()
            results[name].append(value if isinstance(value, tuple) else (value,))
    print("\r" + " " * 64 + "\r", end="", file=sys.stderr, flush=True)
    medians = {name: tuple(statistics.median(column) for column in zip(*values)) for name, values in results.items()}
    return {name: value if len(value) > 1 else value[0] for name, value in medians.items()}


def seconds_of(command):
    start = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


class Table:
    """Rows of (what, figure, unit, ratio, aim), printed under a heading."""

    def __init__(self):
        self.missed = []

    def heading(self, text):
        print(f"\n{text}")

    def row(self, what, figure, unit, ratio="", aim=None):
        """`aim`: (text, whether it is met)."""
        verdict = ""
        if aim is not None:
            verdict = f"{'met' if aim[1] else 'MISSED'}: {aim[0]}"
            if not aim[1]:
                self.missed.append(f"{what}: {ratio or f'{figure:,.1f} {unit}'} ({aim[0]})")
        number = f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:,.2f}"
        print(f"  {what:<46} {number:>14} {unit:<9} {ratio:>9}  {verdict}".rstrip(), flush=True)
