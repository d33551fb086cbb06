"""Shows that the closing line counts what CTest says, and never calls a broken run a success."""

import contextlib
import io
import os
import tempfile
import unittest

import test_summary


class Summary(unittest.TestCase):
    def summarize(self, *files):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, cases in enumerate(files):
                paths.append(os.path.join(folder, f"{number}.xml"))
                if cases is not None:
                    with open(paths[-1], "w", encoding="utf-8") as file:
                        file.write(f"<testsuite>{cases}</testsuite>")
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                code = test_summary.summarize(paths)
        return code, output.getvalue().splitlines()

    def test_files_are_added_up(self):
        passed = '<testcase name="a" status="run"/>'
        self.assertEqual(self.summarize(passed * 2, passed), (0, ["3 passed, 0 failed"]))

    def test_failures_are_named(self):
        code, lines = self.summarize('<testcase name="a" status="run"/><testcase name="b" status="fail"/>')
        self.assertEqual((code, lines), (1, ["failed: b", "1 passed, 1 failed"]))

    def test_what_could_not_start_failed(self):
        code, lines = self.summarize('<testcase name="a" status="notrun"><skipped message="Unable to find"/></testcase>')
        self.assertEqual((code, lines[-1]), (1, "0 passed, 1 failed"))

    def test_skipped_is_neither(self):
        code, lines = self.summarize('<testcase name="a" status="run"/>'
                                     '<testcase name="b" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>')
        self.assertEqual((code, lines), (0, ["skipped: b", "1 skipped", "1 passed, 0 failed"]))

    def test_no_result_is_a_failure(self):
        code, lines = self.summarize('<testcase name="a" status="run"/>', None)
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed"))

    def test_nothing_run_is_no_success(self):
        self.assertEqual(self.summarize(""), (1, ["0 passed, 0 failed"]))


if __name__ == "__main__":
    unittest.main()
