"""The examples, run as a user runs them: squares, the counter in C++ and in Python, status, stop, Nagios, kill switch."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

BIN = os.environ["COWORKER_BIN"]
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/channel_workers")
WORKERS = os.path.join(BIN, "channel_workers_example")
COWORKER = os.path.join(BIN, "coworker")


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="cw-examples-")
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "counter.sock")
        self.address = "unix:" + self.path
        self.cookie = os.path.join(self.folder.name, "cookie")
        with open(self.cookie, "w") as file:
            file.write("secret\n")

    def run_program(self, *words, program=COWORKER, code=0):
        result = subprocess.run([program, *words], cwd=self.folder.name, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def master(self, *numbers):
        """What the worker answers to the numbers, as a master of another kind asks."""
        import socket
        with socket.socket(socket.AF_UNIX) as master:
            master.connect(self.path)
            master.sendall("".join(f"{n}\n" for n in numbers).encode())
            stream = master.makefile()
            return [json.loads(stream.readline()) for _ in numbers]

    def test_squares(self):
        out = self.run_program(program=WORKERS).stdout
        self.assertIn("0 1 4 9 16 25 36 49 64 81", out)
        self.assertIn("the squares of 0 to 99 add up to 328350", out)

    def test_square_in_python_speaks_the_channel(self):
        result = subprocess.run([sys.executable, os.path.join(EXAMPLES, "square.py")], input="3\n\t \t\n4\n",
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.stdout, "9\n16\n")

    def counts(self, *start):
        self.run_program("shared", "start", self.address, "--cookie-file", self.cookie, *start[1:], program=start[0])
        self.addCleanup(lambda: subprocess.run([COWORKER, "shared", "stop", self.address, "--cookie-file", self.cookie],
                                               capture_output=True, timeout=60))
        self.assertIn("listens on", self.run_program("shared", "start", self.address, *start[1:], program=start[0],
                                                     code=1).stderr)
        self.assertEqual(self.master(1, 2, 3), [1, 3, 6])
        self.assertEqual(self.master(4), [10])
        asked = self.run_program("shared", "query", self.address, "--json")
        self.assertEqual(json.loads(asked.stdout)["textStatus"], "the sum is a secret")
        asked = self.run_program("shared", "query", self.address, "--cookie-file", self.cookie)
        self.assertIn("the sum is 10", asked.stdout)
        running = json.loads(self.run_program("shared", "list", "--json").stdout)
        self.assertEqual([row["runs"] for row in running if row["address"] == self.address], [True])
        checked = self.run_program("check-shared-worker", self.address, "-m", "messages", "-w", "3", code=1)
        self.assertIn("SHARED-WORKER WARNING - the sum is a secret | 'messages'=4c;3;;0", checked.stdout)
        self.run_program("check-shared-worker", self.address, "-m", "messages", "-w", "4", "-c", "3", code=2)
        self.run_program("check-shared-worker", self.address, "-m", "messages", "-w", "0", "-w", "1", code=3)
        self.run_program("shared", "stop", self.address, "-a", "wrong", "--timeout", "1", code=1)
        stopped = self.run_program("shared", "stop", self.address, "-a", "secret")
        self.assertIn("a cookie on the command line can be seen by others", stopped.stderr)
        self.assertFalse(os.path.exists(self.path))
        down = self.run_program("check-shared-worker", self.address, code=2)
        self.assertRegex(down.stdout, "^SHARED-WORKER CRITICAL - connect to .*nobody listens there")

    def test_counter(self):
        self.counts(WORKERS, "--worker", "counter")

    def test_counter_in_python(self):
        self.counts(COWORKER, "--", sys.executable, os.path.join(EXAMPLES, "counter.py"))

    def test_names_of_the_configuration_and_the_kill_switch(self):
        with open(os.path.join(self.folder.name, "coworker.yml"), "w") as file:
            file.write(f"kill_switch: switch.json\nshared:\n  counter: {{ address: 'unix:counter.sock', "
                       f"worker: counter, cookie_file: cookie }}\n")
        self.run_program("shared", "disable", self.address, program=WORKERS)
        held = self.run_program("shared", "start", "counter", program=WORKERS, code=1)
        self.assertIn("is disabled by the kill switch", held.stderr)
        self.run_program("shared", "enable", "--all", program=WORKERS)
        self.run_program("shared", "start", "counter", program=WORKERS)
        self.assertRegex(self.run_program("shared", "list").stdout, r"counter +unix:\S+ +yes +\d+")
        self.assertIn("messages", self.run_program("shared", "query", "counter").stdout)
        self.assertIn("not authorised", self.run_program("shared", "stop", "counter", "-a", "wrong", code=1).stderr)
        self.assertIn("stopped", self.run_program("shared", "stop", "counter").stdout)
        self.assertRegex(self.run_program("shared", "list").stdout, r"counter +unix:\S+ +no +-")
        unknown = self.run_program("shared", "start", "lost", program=WORKERS, code=2)
        self.assertIn("nor a shared worker of the configuration, which has: counter", unknown.stderr)

    def test_case_20_mistakes_are_unknown(self):
        for words in ([], ["--no-such"], [self.address, "-m", "a", "-w", "x"], [self.address, "--check", "both"],
                      [self.address, "--timeout", "x"]):
            result = self.run_program("check-shared-worker", *words, code=3)
            self.assertRegex(result.stdout, "^SHARED-WORKER UNKNOWN - ")

    def test_case_20_a_worker_that_does_not_answer_is_critical_in_time(self):
        import socket
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            result = self.run_program("check-shared-worker", self.address, "--timeout", "300ms", code=2)
            self.assertIn("no status in time", result.stdout)

    def test_check_queue(self):
        for n in range(3):
            self.run_program("add", "mail", str(n))
        result = self.run_program("check-shared-worker", "--check", "queue", "--queue", "mail", "-m", "depth", "-w", "3",
                                  "-c", "5", "-m", "dead", "-w", "0", "-c", "0")
        self.assertRegex(result.stdout, r"^QUEUE OK - 'mail': 3 jobs, 0 dead, .* \| 'age'=[\d.]+s;;;0\n\| "
                                        r"'depth'=3c;3;5;0\n'dead'=0c;0;0;0\n$")
        self.run_program("check-shared-worker", "--check", "queue", "-m", "depth", "-w", "2", code=1)
        result = self.run_program("check-shared-worker", "--check", "queue", "-w", "0", "-c", "1h", code=3)
        self.assertTrue(re.search("the range '1h' is wrong", result.stdout))
        self.run_program("check-shared-worker", "--check", "queue", "-c", "@0:", code=2)


if __name__ == "__main__":
    unittest.main()
