#!/usr/bin/env python3
"""Runs every check of this folder, after its self-test has shown that the check can fail."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import coroutines  # noqa: E402
import formatting  # noqa: E402
import layers  # noqa: E402
import names  # noqa: E402
import words  # noqa: E402

CHECKS = (layers, coroutines, names, words, formatting)


def main():
    loader = unittest.defaultTestLoader
    tests = unittest.TestSuite([loader.discover(folder, pattern="*_test.py", top_level_dir=folder)
                                for folder in (HERE, os.path.dirname(HERE))])
    result = unittest.TextTestRunner(verbosity=0, stream=open(os.devnull, "w", encoding="utf-8")).run(tests)
    for case, text in result.failures + result.errors:
        print(f"self-test of the checks failed: {case}\n{text}")
    complaints = len(result.failures) + len(result.errors)
    for check in CHECKS:
        for complaint in check.run():
            print(f"{complaint} [{check.__name__}]")
            complaints += 1
    print(f"lint: {complaints} complaints" if complaints else f"lint: nothing to complain ({result.testsRun} self-tests)")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
