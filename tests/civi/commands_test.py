"""How coworker is told of a site: flags, files, variables, detection; and coworker doctor."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import unittest

from site_of_tests import COWORKER, PATIENCE, Site, main


class Doctor(Site):
    def test_Case01_a_site_that_is_fine(self):
        self.queue("mail")
        said = self.doctor()
        for text in ('"v":"5.81.0"', "5.81.0", "latency", "mail", "its queues can be run"):
            self.assertIn(text, said)

    def test_Case02_untrusted(self):
        self.assertIn("does not trust us", self.doctor(pipe=["uxv"], code=1))

    def test_Case03_without_trust(self):
        self.assertIn("does not trust us", self.doctor(pipe=["vj"], code=1))

    def test_Case04_both_trusts(self):
        said = self.doctor(pipe=["tu"], code=1)
        self.assertIn("exit code 255", said)
        self.assertIn("Cannot be trusted and untrusted", said)

    def test_Case05_older_generations(self):
        for greeting in ('["Civi::pipe","5.50.1"]', '{"Civi::pipe":"0.1"}', '{"Civi::pipe":["json"]}'):
            self.assertIn("unsupported protocol generation", self.doctor(pipe=["--greeting", greeting], code=1))

    def test_Case06_versions(self):
        self.assertIn("5.50.1", self.doctor(pipe=["--version", "5.50.1"], code=1))
        self.assertIn("does not tell its version", self.doctor(pipe=["tl"], code=1))
        self.doctor("-d", "civicrmVersion=5.47", pipe=["--version", "5.50.1"])

    def test_Case08_no_greeting_at_all(self):
        said = self.doctor(pipe="echo cannot boot >&2; exit 2", code=1)
        self.assertIn("exit code 2", said)
        self.assertIn("cannot boot", said)
        self.assertIn("advice", said)

    def test_Case08_silence(self):
        self.assertIn("not ready within 300 ms", self.doctor("-d", "startTimeout=0.3", pipe="sleep 100", code=1))

    def test_Case27_Case31_permissions_are_off_in_a_trusted_session(self):
        self.queue("mail")
        self.assertIn("mail", self.doctor())

    def test_a_command_that_does_not_exist(self):
        said = self.doctor(pipe="no-such-cv pipe", code=1)
        self.assertIn("not found", said)
        self.assertIn("whole path", said)

    def test_json(self):
        self.queue("mail")
        said = json.loads(self.doctor("--json"))
        self.assertTrue(said["ok"])
        self.assertEqual(said["queues"][0]["name"], "mail")

    def test_it_leaves_nothing_behind(self):
        mark = os.path.join(self.folder, "pid")
        self.doctor(pipe="echo $$ >%s; exec %s" % (mark, self.pipe()))
        self.assertFalse(os.path.exists("/proc/" + open(mark).read().strip()))


class Configuration(Site):
    def usage(self, *words, environment=None, command="run", cwd=None):
        result = subprocess.run([COWORKER, command, *words], cwd=cwd or self.folder, capture_output=True, text=True, timeout=PATIENCE,
                                env={**os.environ, **(environment or {})})
        self.assertIn(result.returncode, (1, 2), result.stdout + result.stderr)
        return result.stdout + result.stderr

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def effective(self, *words, environment=None):
        """What a short run says of its duration, which is the value that wins."""
        program = self.start(*words, environment=environment)
        return self.end(program, number=0)

    def test_a_file_loses_against_a_variable_and_that_against_a_flag(self):
        file = self.write("c.yml", {"agentDuration": 0.9})
        self.assertIn("its time of 900 ms", self.effective("-c", file))
        self.assertIn("its time of 800 ms", self.effective("-c", file, environment={"COWORKER_AGENT_DURATION": "0.8"}))
        self.assertIn("its time of 700 ms", self.effective("-c", file, "-d", "agentDuration=0.7", environment={"COWORKER_AGENT_DURATION": "0.8"}))

    def test_a_later_file_overrides_an_earlier_one(self):
        one, two = self.write("1.json", {"civi": {"agentDuration": 300}}), self.write("2.yaml", "civi: { agentDuration: 0.4 }")
        self.assertIn("its time of 400 ms", self.effective("-c", one, "-c", two))

    def test_former_names_work_and_warn(self):
        log = self.effective("-c", self.write("c.yml", {"maxTotalDuration": 0.6}))
        self.assertIn("'maxTotalDuration' is deprecated, its name is 'agentDuration' now", log)
        self.assertIn("its time of 600 ms", log)
        log = self.effective(environment={"COWORKER_MAX_DURATION": "0.5"})
        self.assertIn("COWORKER_MAX_DURATION is deprecated", log)
        self.assertIn("its time of 500 ms", log)

    def test_a_new_name_beats_a_former_one(self):
        log = self.effective("-c", self.write("c.yml", "agentDuration: 0.4\nmaxTotalDuration: 300\n"))
        self.assertIn("its time of 400 ms", log)
        self.assertIn("its time of 300 ms", self.effective(environment={"COWORKER_MAX_DURATION": "90", "COWORKER_AGENT_DURATION": "0.3"}))

    def test_a_former_name_on_the_command_line_is_an_error(self):
        self.assertIn("maxTotalDuration", self.usage("--pipe=true", "-d", "maxTotalDuration=1"))

    def test_unknown_keys_and_missing_files_are_errors(self):
        self.assertIn("did you mean 'workerCount'", self.usage("-c", self.write("c.yml", {"civi": {"workerCoutn": 1}})))
        self.assertIn("no-such.yml", self.usage("--pipe=true", "-c", "no-such.yml"))
        self.assertIn("nope", self.usage("--pipe=true", "-d", "nope=1"))
        self.assertIn("is not KEY=VALUE", self.usage("--pipe=true", "-d", "workerCount"))

    def test_pipe_and_web_without_channel(self):
        self.assertIn("--channel", self.usage("--pipe=true", "--web=http://127.0.0.1:9/civicrm/queue"))
        self.assertIn("needs the site's address", self.usage("--pipe=true", "--channel=pipe,web"))
        self.assertIn("neither pipe nor web", self.usage("--pipe=true", "--channel=pope"))

    def test_minipipe_takes_flags_only(self):
        self.assertIn("neither MINIPIPE nor", self.usage("--pipe=MINIPIPE x!"))
        self.assertIn("neither MINIPIPE nor", self.usage("--pipe=MINIPIPES"))

    def test_a_poll_query_of_ones_own(self):
        self.queue("a")
        self.queue("b")
        self.add("a", "ok")
        self.add("b", "ok")
        program = self.start("-c", self.write("c.yml", 'pollQuery: { where: [[name, "=", b]] }'))
        self.wait(lambda: self.left() == 1, program)
        self.end(program)
        self.assertEqual([row["queue"] for row in self.ran()], ["b"])

    def test_log_file_of_the_flag_and_of_the_key(self):
        log = os.path.join(self.folder, "mine")
        self.effective("--log", log, "-d", "agentDuration=0.1")
        self.assertIn("CiviCRM: stopped", open(log).read())
        other = os.path.join(self.folder, "other")
        self.effective("-c", self.write("c.yml", {"logFile": other, "logFormat": "json", "agentDuration": 0.1}))
        self.assertIn("CiviCRM: stopped", json.loads(open(other).read().splitlines()[-2])["text"] + open(other).read())

    def test_debug_has_a_fresh_process_for_each_task(self):
        self.queue("q")
        self.add("q", "ok", "ok", "ok")
        program = self.start(command="debug")
        self.wait(lambda: self.left() == 0, program)
        log = self.end(program)
        self.assertEqual([row["nth"] for row in self.ran()], [1, 1, 1])
        self.assertIn("claimed #1", log)

    def test_cwd_is_where_it_works(self):
        place = os.path.join(self.folder, "place")
        os.mkdir(place)
        self.end(self.start("--cwd", place, "-d", "agentDuration=0.2", pipe="pwd >where; exec " + self.pipe()), number=0)
        self.assertTrue(os.path.exists(os.path.join(place, "where")))
        self.assertIn("no-such-place", self.usage("--cwd", "no-such-place", "--pipe=true"))

    def test_pipes_know_that_they_are_ours_and_are_not_verbose(self):
        program = self.start("-d", "agentDuration=0.2", environment={"SHELL_VERBOSITY": "3"}, pipe="env >%s/env; exec %s" % (self.folder, self.pipe()))
        self.end(program, number=0)
        env = open(os.path.join(self.folder, "env")).read().splitlines()
        self.assertIn("COWORKER_PIPE=1", env)
        self.assertIn("SHELL_VERBOSITY=1", env)


class Detection(Site):
    def place(self, *files, cv=True):
        """A folder with these files, and programs for PATH; the pipe tells its words and place."""
        place = os.path.join(self.folder, "site")
        for file in files:
            os.makedirs(os.path.dirname(os.path.join(place, file)), exist_ok=True)
            open(os.path.join(place, file), "w").close()
        os.makedirs(os.path.join(place, "deep/er"), exist_ok=True)
        self.programs_folder = os.path.join(self.folder, "bin")
        os.makedirs(self.programs_folder, exist_ok=True)
        return place

    def program(self, name):
        path = os.path.join(self.programs_folder, name)
        with open(path, "w") as file:
            file.write("#!/bin/sh\necho \"%s $*\" >>%s/words\nexec %s\n" % (name, self.folder, self.pipe()))
        os.chmod(path, 0o755)

    def words(self):
        with open(os.path.join(self.folder, "words")) as file:
            return file.read().splitlines()[0]

    def environment(self, **more):
        return {"PATH": self.programs_folder + ":/usr/bin:/bin", **more}

    def test_every_kind_of_site_is_found_from_within(self):
        for file in ("wp-load.php", "administrator/components/com_users/users.php", "modules/system/system.module",
                     "web/core/core.services.yml", "core/modules/layout/layout.module", "srv/civicrm.standalone.php"):
            with self.subTest(file):
                place = self.place(file)
                self.program("cv")
                self.doctor(pipe=None, cwd=os.path.join(place, "deep/er"), environment=self.environment())
                self.assertEqual(self.words(), "cv pipe vtl")
                shutil.rmtree(place)
                os.remove(os.path.join(self.folder, "words"))

    def test_without_cv_the_cms_has_its_own_program(self):
        for file, program, words in (("wp-load.php", "wp", "civicrm pipe vtl"), ("modules/system/system.module", "drush", "civicrm_initialize()"),
                                     ("core/core.services.yml", "drush", "Drupal::service")):
            with self.subTest(file):
                place = self.place(file)
                self.program(program)
                self.doctor(pipe=None, cwd=place, environment=self.environment())
                self.assertIn(words, self.words())
                self.assertIn(program, self.words())
                shutil.rmtree(place)
                os.remove(os.path.join(self.folder, "words"))

    def test_a_folder_of_the_path_that_cannot_be_looked_into_is_passed_over(self):
        place = self.place("wp-load.php")
        self.program("cv")
        loop = os.path.join(self.folder, "loop")
        os.symlink("loop", loop)
        self.doctor(pipe=None, cwd=place, environment={"PATH": loop + ":" + self.environment()["PATH"]})
        self.assertEqual(self.words(), "cv pipe vtl")

    def test_a_site_that_is_named_by_a_variable(self):
        place = self.place()
        self.program("cv")
        self.doctor(pipe=None, cwd=place, environment=self.environment(CIVICRM_SETTINGS="/x/civicrm.settings.php"))
        self.assertEqual(self.words(), "cv pipe vtl")

    def test_run_without_any_word_serves_the_site_of_the_folder(self):
        place = self.place("wp-load.php")
        self.program("cv")
        self.queue("q")
        self.add("q", "ok")
        program = self.start(pipe=None, quick=False, cwd=place, environment=self.environment())
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        self.assertEqual(sorted(os.listdir(place)), ["deep", "wp-load.php"], "nothing is written into a site")

    def test_where_there_is_no_site_it_says_what_it_looked_for(self):
        place = self.place()
        said = self.doctor(pipe=None, cwd=place, environment=self.environment(), code=1)
        for text in (place, "wp-load.php", "core/core.services.yml", "CIVICRM_BOOT", "--pipe='cv pipe'"):
            self.assertIn(text, said)
        place = self.place("wp-load.php")
        said = self.doctor(pipe=None, cwd=place, environment=self.environment(), code=1)
        self.assertIn("WordPress", said)
        self.assertIn("--pipe=", said)


class Ssh(Site):
    """A site on another host, by an sshd of our own."""

    def sshd(self):
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
        if program is None or shutil.which("ssh") is None:
            self.skipTest("no sshd or ssh (packages openssh-server, openssh-client)")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        key, host = os.path.join(self.folder, "key"), os.path.join(self.folder, "host")
        for file in (key, host):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        shutil.copy(key + ".pub", os.path.join(self.folder, "authorized"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with open(os.path.join(self.folder, "sshd_config"), "w") as file:
            file.write("ListenAddress 127.0.0.1\nPort %d\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\n"
                       "PasswordAuthentication no\nPermitRootLogin yes\nPidFile none\n" % (port, host, os.path.join(self.folder, "authorized")))
        log = open(os.path.join(self.folder, "sshd.log"), "w")
        server = subprocess.Popen([program, "-D", "-e", "-f", os.path.join(self.folder, "sshd_config")], stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        with open(os.path.join(self.folder, "known"), "w") as file:
            file.write("[127.0.0.1]:%d %s" % (port, open(host + ".pub").read()))

        def listens():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        self.wait(listens, server)
        return "ssh -F none -o BatchMode=yes -o UserKnownHostsFile=%s -i %s -p %d %s@127.0.0.1 " % (
            os.path.join(self.folder, "known"), key, port, getpass.getuser())

    def wait(self, condition, program=None):
        if program is not None and not hasattr(program, "log"):
            program.log = os.path.join(self.folder, "sshd.log")
            self.others = getattr(self, "others", []) + [program]
        super().wait(condition, program)

    def test_tasks_over_ssh(self):
        ssh = self.sshd()
        self.queue("q")
        self.add("q", *["ok"] * 5)
        self.add("q", "noise", "stderr remote words")
        self.add("q", "ok", contact=3)
        pipe = ssh + "'" + self.pipe() + "'"
        self.assertIn("its queues can be run", self.doctor(pipe=pipe))
        program = self.start(pipe=pipe)
        self.wait(lambda: self.left() == 0, program)
        log = self.end(program)
        self.assertIn("remote words", log)
        self.assertEqual(len(self.ran()), 8)

    def test_a_host_that_does_not_know_us(self):
        ssh = self.sshd()
        open(os.path.join(self.folder, "authorized"), "w").close()
        said = self.doctor(pipe=ssh + "'" + self.pipe() + "'", code=1)
        self.assertIn("Permission denied", said)
        self.assertIn("ssh needs a key", said)


class RealSite(unittest.TestCase):
    def test_a_real_site(self):
        build = os.environ.get("CV_TEST_BUILD")
        if not build:
            self.skipTest("CV_TEST_BUILD names no site")
        result = subprocess.run([COWORKER, "doctor", "--pipe=cv pipe vtl", "--cwd", build], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        result = subprocess.run([COWORKER, "run", "--pipe=cv pipe vtl", "--cwd", build, "-d", "agentDuration=5"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    main("__main__")
