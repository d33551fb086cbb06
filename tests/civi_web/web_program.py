"""coworker at servers of a test."""

import os
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../civi"))
from servers import WebSite  # noqa: E402
from site_of_tests import COWORKER, PATIENCE  # noqa: E402

VARIABLES = [name for each in ("http_proxy", "https_proxy", "no_proxy", "all_proxy") for name in (each, each.upper())]


class Program(unittest.TestCase):
    """Runs coworker at servers of the test, and ends all."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="cw-web-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        subprocess.run(["sh", os.path.join(HERE, "certificates.sh"), cls.folder], check=True)
        cls.environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        cls.environment["XDG_RUNTIME_DIR"] = cls.folder
        cls.environment["CURL_CA_BUNDLE"] = os.path.join(cls.folder, "ca.pem")

    def own(self, server):
        self.addCleanup(server.close)
        return server

    def site(self, tls=False, items=0):
        return self.own(WebSite(os.path.join(self.folder, "good") if tls else None, items))

    def wait(self, condition, program=None):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end or (program is not None and program.poll() is not None):
                self.fail("it did not come to that:\n" + (self.log(program) if program else ""))
            time.sleep(0.01)

    def doctor(self, address, *words, code=0, token="T0KEN", **environment):
        result = subprocess.run([COWORKER, "doctor", "--web=" + address, *words], cwd=self.folder, capture_output=True, text=True,
                                errors="replace", timeout=PATIENCE,
                                env={**self.environment, "COWORKER_WEB_CREDENTIAL": token, **environment})
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def start(self, address, *words, token="T0KEN", **environment):
        name = os.path.join(self.folder, "log-" + self.id().rsplit(".", 1)[1])
        with open(name, "wb") as log:
            program = subprocess.Popen([COWORKER, "run", "--web=" + address, "-d", "pollInterval=50ms", "-d", "pollIntervalMin=10ms",
                                        "-d", "log.level=debug", *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=log, env={**self.environment, "COWORKER_WEB_CREDENTIAL": token, **environment})
        program.name = name

        def end():
            if program.poll() is None:
                program.kill()
            program.wait()
        self.addCleanup(end)
        return program

    def log(self, program):
        with open(program.name, errors="replace") as file:
            return file.read()

    def end(self, program, code=0):
        if program.poll() is None:
            program.terminate()
        return self.end_by_itself(program, code)

    def end_by_itself(self, program, code):
        self.assertEqual(program.wait(PATIENCE), code, self.log(program)[-6000:])
        return self.log(program)


def main():
    unittest.main(module="__main__", verbosity=2, warnings="ignore")
