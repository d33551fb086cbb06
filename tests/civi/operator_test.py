"""A site that is served, and what an operator does meanwhile: looks, pauses, changes the configuration."""

import json
import os
import signal
import subprocess

from site_of_tests import COWORKER, Site, main


class Operator(Site):
    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.folder, "site.json")

    def ask(self, *words, code=0):
        result = subprocess.run([COWORKER, *words], cwd=self.folder, capture_output=True, text=True,
                                env={**os.environ, **self.runtime})
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def site(self, program):
        """As the control socket tells it, once it does."""
        said = []

        def tells():
            result = subprocess.run([COWORKER, "worker", "status", "civi", "--json"], cwd=self.folder, capture_output=True,
                                    text=True, env={**os.environ, **self.runtime})
            if result.returncode == 0:
                said.append(json.loads(result.stdout))
            return result.returncode == 0
        self.wait(tells, program)
        return said[-1]

    def configure(self, *words, **keys):
        """`words`: for the fake pipe."""
        site = {"pipeCommand": "exec " + self.pipe(*words), "pollInterval": "100ms", "pollIntervalMin": "10ms", **keys}
        with open(self.config + ".new", "w") as file:
            json.dump({"civi": site, "log": {"level": "debug"}}, file)
        os.replace(self.config + ".new", self.config)

    def start_configured(self, *words):
        return self.start("-c", self.config, *words, pipe=None, quick=False)

    def test_it_is_shown_and_paused_over_the_control_socket(self):
        self.queue("q", lease=600)
        self.add("q", "ok", "kill")
        program = self.start("-d", "workerCount=1", "-d", "logPolling=true")
        self.wait(lambda: len(self.ran()) == 2 and self.site(program)["tasks"] == {"q": {"ok": 1, "died": 1}}, program)
        shown = self.site(program)
        self.assertEqual([(left["queue"], left["id"]) for left in shown["left"]], [("q", "2")])
        table = self.ask("worker", "list")
        self.assertIn("1 ok", table)
        self.assertIn("task 2 comes again in", table)
        self.ask("worker", "pause", "civi")
        self.assertEqual(self.site(program)["state_name"], "paused")
        self.add("q", "ok")
        looks = self.log(program).count("CiviCRM: 1 queue")
        self.wait(lambda: self.log(program).count("CiviCRM: 1 queue") >= looks + 3, program)
        self.assertEqual(len(self.ran()), 2, "nothing is claimed while it is paused")
        self.ask("worker", "resume", "civi")
        self.wait(lambda: len(self.ran()) == 3, program)
        self.assertIn("paused and resumed, nothing else", self.ask("worker", "restart", "civi", code=1))
        self.end(program)

    def test_the_kill_switch_holds_new_tasks(self):
        self.queue("q")
        switch = os.path.join(self.folder, "switch.json")
        subprocess.run([COWORKER, "shared", "disable", "--work"], env={**os.environ, "COWORKER_KILL_SWITCH": switch}, check=True, capture_output=True)
        program = self.start(environment={"COWORKER_KILL_SWITCH": switch})
        self.wait_log(program, "holds all work")
        self.add("q", "ok")
        self.wait_log(program, "CiviCRM 5.81.0")
        self.assertEqual(self.left(), 1)
        subprocess.run([COWORKER, "shared", "enable", "--all"], env={**os.environ, "COWORKER_KILL_SWITCH": switch}, check=True, capture_output=True)
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_a_changed_configuration_is_served_while_tasks_of_before_end(self):
        self.queue("q")
        gate = os.path.join(self.folder, "gate")
        self.add("q", "file " + gate)
        self.configure(workerCount=1)
        program = self.start_configured("-d", "stop_grace=50ms")
        self.wait(lambda: len(self.ran()) == 1, program)
        self.configure("--version", "5.99.0", workerCount=1)
        self.assertEqual(self.ask("reload").strip(), "")
        self.wait_log(program, "CiviCRM 5.99.0")
        self.add("q", "ok")
        self.wait(lambda: self.left() == 1, program)
        shown = self.site(program)
        self.assertEqual((shown["running"], shown["tasks"]), (1, {"q": {"ok": 1}}))
        open(gate, "w").close()
        self.wait(lambda: self.left() == 0, program)
        self.wait_log(program, "CiviCRM: stopped")
        self.assertEqual(self.site(program)["tasks"], {"q": {"ok": 2}}, "what was counted before is not forgotten")
        self.assertEqual(len(self.ran()), 2, "none ran twice")
        self.end(program)

    def test_an_unchanged_configuration_changes_nothing(self):
        self.queue("q")
        self.add("q", "ok")
        self.configure(workerRequests=0)
        program = self.start_configured()
        self.wait(lambda: self.left() == 0, program)
        self.ask("reload")
        self.add("q", "ok")
        self.wait(lambda: self.left() == 0, program)
        self.assertEqual(len({each["pid"] for each in self.ran()}), 1, "its worker goes on")
        self.assertNotIn("CiviCRM: stop", self.log(program))
        self.end(program)

    def test_a_wrong_configuration_leaves_all_as_it_was(self):
        self.queue("q")
        self.configure()
        program = self.start_configured()
        self.site(program)
        self.configure(workerCount="many")
        self.assertIn("workerCount", self.ask("reload", code=1))
        self.add("q", "ok")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_a_site_that_comes_and_goes_with_the_configuration(self):
        self.queue("q")
        store = os.path.join(self.folder, "store")
        own = {"store": "file:" + store, "queues": {"own": {"worker": {"type": "command", "command": ["true"]}}}}

        def write(**more):
            with open(self.config, "w") as file:
                json.dump({**own, **more}, file)
        write()
        program = self.start_configured()
        control = ["--control", "unix:" + os.path.join(store, "control.sock")]
        self.wait(lambda: os.path.exists(control[1][5:]), program)
        self.add("q", "ok", "ok")
        write(civi={"pipeCommand": "exec " + self.pipe()})
        self.ask("reload", *control)
        self.wait(lambda: self.left() == 0, program)
        write()
        self.ask("reload", *control)
        self.wait_log(program, "CiviCRM: stopped")
        self.add("q", "ok")
        self.assertNotIn("civi", self.ask("worker", "list", *control))
        write(civi={"pipeCommand": "exec " + self.pipe(), "workerCount": 1})
        self.ask("reload", *control)
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_a_stop_ends_what_drains_too(self):
        self.queue("q")
        self.add("q", "file " + os.path.join(self.folder, "never"))
        self.configure()
        program = self.start_configured("-d", "stop_grace=200ms")
        self.wait(lambda: len(self.ran()) == 1, program)
        self.configure("--version", "5.99.0")
        self.ask("reload")
        self.wait_log(program, "CiviCRM 5.99.0")
        program.send_signal(signal.SIGTERM)
        log = self.end(program, number=None)
        self.assertIn("wait for the end of their lease", log)

    def test_a_second_site_of_the_same_user_runs_without_a_socket(self):
        self.configure()
        first = self.start_configured()
        self.site(first)
        second = self.start_configured()
        self.wait_log(second, "there is no control socket: name another address")
        self.wait_log(second, "CiviCRM 5.81.0")
        self.end(second)
        self.assertEqual(self.site(first)["state_name"], "looping")
        self.end(first)


if __name__ == "__main__":
    main("__main__")
