#!/usr/bin/env python3
"""Measures coworker, its peers and the limits of this machine, and prints the ratios.

Every figure is the median of turns taken by all contestants one after the other. All servers listen
on unix sockets and keep their data on the same disk.
"""

import argparse
import os
import platform
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cases  # noqa: E402
from measure import Table  # noqa: E402
from servers import Servers  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="one short turn each: shows that it works, not how fast")
    parser.add_argument("--full", action="store_true", help="10 million waiting jobs instead of 1 million")
    parser.add_argument("--waiting", type=int, metavar="N", help="that many waiting jobs")
    parser.add_argument("--turns", type=int, metavar="N", help="turns per figure (default 5)")
    parser.add_argument("--only", metavar="NAME", action="append", choices=list(cases.CASES),
                        help=f"one of {', '.join(cases.CASES)}; may be repeated")
    options = parser.parse_args()
    settings = cases.Settings(
        turns=options.turns or (1 if options.quick else 5),
        seconds=0.3 if options.quick else 2.0,
        waiting=options.waiting or (10_000_000 if options.full else 20_000 if options.quick else 1_000_000))

    print(f"{os.cpu_count()} processors, Linux {platform.release()}, bodies of 200 bytes")
    table = Table()
    for name in options.only or cases.CASES:
        with Servers(os.path.abspath(options.build)) as servers:
            cases.CASES[name](servers, settings, table)
    if table.missed:
        print("\nshort of the aim:")
        for line in table.missed:
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError) as error:
        sys.exit(f"\nbench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
