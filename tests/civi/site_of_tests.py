"""A site for tests: the queues behind fake_pipe.py, and programs of coworker that serve it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fake_pipe  # noqa: E402

BIN = os.environ["COWORKER_BIN"]
COWORKER = os.path.join(BIN, "coworker")
PIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_pipe.py")
PATIENCE = 100


class Site(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cw-civi-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.runtime = {"XDG_RUNTIME_DIR": self.folder}  # where the control socket is
        self.file = os.path.join(self.folder, "site.db")
        self.base = fake_pipe.connect(self.file)
        self.addCleanup(self.base.close)
        self.programs = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for program in self.programs:
            if program.poll() is None:
                program.kill()
            program.wait()
            program.stdout.close()

    # ---- the site

    def queue(self, name, type="SqlParallel", runner="task", batch=1, lease=3600, retries=0, interval=0, status="active",
              error="delete"):
        self.base.execute("INSERT INTO queue VALUES (?,?,?,?,?,?,?,?,?)",
                          (name, type, runner, batch, lease, retries, interval, status, error))

    def add(self, queue, *works, contact=None, domain=1):
        run_as = json.dumps({"contactId": contact, "domainId": domain}) if contact else None
        self.base.execute("BEGIN")
        for work in works:
            self.base.execute("INSERT INTO item (queue, work, run_as) VALUES (?,?,?)", (queue, work, run_as))
        self.base.execute("COMMIT")

    def value(self, query, *params):
        return self.base.execute(query, params).fetchone()[0]

    def left(self):
        return self.value("SELECT count(*) FROM item")

    def ran(self):
        return [dict(row) for row in self.base.execute("SELECT * FROM ran ORDER BY n")]

    def pipe(self, *words):
        return shlex.join([sys.executable, PIPE, self.file, *words])

    # ---- the program

    def start(self, *words, pipe=(), command="run", quick=True, environment=None, cwd=None):
        """`pipe`: words for the fake pipe, or a whole command; None: none is given."""
        line = [COWORKER, command]
        if pipe is not None:
            line.append("--pipe=" + (pipe if isinstance(pipe, str) else "exec " + self.pipe(*pipe)))
        if quick:
            line += ["-d", "pollInterval=0.1", "-d", "pollIntervalMin=0.01", "-d", "log.level=debug"]
        log = open(os.path.join(self.folder, "log-%d" % len(self.programs)), "wb")
        program = subprocess.Popen([*line, *words], cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=log, env={**os.environ, **self.runtime, **(environment or {})})
        log.close()
        program.log = log.name
        self.programs.append(program)
        return program

    def log(self, program):
        with open(program.log, errors="replace") as file:
            return file.read()

    def wait(self, condition, program=None):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end or (program is not None and program.poll() is not None):
                text = "\n".join(self.log(each) for each in self.programs)
                self.fail("it did not come to that; items left: %d\n%s" % (self.left(), text[-6000:]))
            time.sleep(0.01)

    def wait_log(self, program, text):
        self.wait(lambda: text in self.log(program))

    def end(self, program, code=0, number=signal.SIGTERM):
        if program.poll() is None and number:
            program.send_signal(number)
        self.assertEqual(program.wait(PATIENCE), code, self.log(program)[-6000:])
        return self.log(program)

    def doctor(self, *words, pipe=(), code=0, environment=None, cwd=None):
        line = [COWORKER, "doctor"]
        if pipe is not None:
            line.append("--pipe=" + (pipe if isinstance(pipe, str) else self.pipe(*pipe)))
        result = subprocess.run([*line, *words], cwd=cwd or self.folder, capture_output=True, text=True, timeout=PATIENCE,
                                env={**os.environ, **(environment or {})})
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr


def main(what):
    unittest.main(module=what, verbosity=2)
