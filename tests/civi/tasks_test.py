"""coworker run at a site: what becomes of its tasks, of the workers, and of programs that share it."""

import collections
import json
import os
import re
import signal
import subprocess
import time

from site_of_tests import COWORKER, Site, main


class Tasks(Site):
    def test_Case07_noise_before_the_greeting(self):
        self.queue("q")
        self.add("q", "ok")
        program = self.start(pipe=["--before", "Deprecated: x\\nno end of line "])
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_Case16_Case36_stop_lets_running_tasks_end(self):
        self.queue("q", lease=600)
        go = os.path.join(self.folder, "go")
        self.add("q", "file " + go, "file " + go, "ok")
        program = self.start()
        self.wait(lambda: len(self.ran()) == 2, program)
        program.send_signal(signal.SIGTERM)
        self.wait_log(program, "CiviCRM: stopping")
        open(go, "w").close()
        self.end(program, number=0)
        self.assertEqual(self.left(), 1, "the third was not begun")
        self.assertEqual(self.value("SELECT run_count FROM item"), 0)

    def test_Case29_noise_around_answers(self):
        self.queue("q")
        self.add("q", "noise", "stderr from a task", "noise")
        program = self.start(pipe=["--noise", "PHP Notice: y\\nand glued"])
        self.wait(lambda: self.left() == 0, program)
        log = self.end(program)
        self.assertIn("from a task", log)
        self.assertIn("a line of somebody", log)

    def test_Case30_a_site_without_prefix(self):
        self.queue("q")
        self.add("q", "noise", "ok", "noise")
        program = self.start(pipe=["--no-prefix", "--noise", "PHP Notice: y\\n"])
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_Case33_an_answer_that_cannot_be_encoded(self):
        self.queue("q", lease=1)
        self.add("q", "unencodable")
        program = self.start("-d", "workerCount=1")
        self.wait_log(program, "could not encode its answer")
        self.end(program)
        self.assertNotIn("died", self.log(program))

    def test_Case34_Case39_each_contact_has_its_workers(self):
        self.queue("q", batch=5)
        for contact in (2, 2, 3, None, 2):
            self.add("q", "ok", contact=contact)
        program = self.start("-d", "workerCount=2")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        ran = self.ran()
        self.assertEqual(collections.Counter(row["contact"] for row in ran), {2: 3, 3: 1, None: 1})
        self.assertEqual([row["contact"] for row in sorted(ran, key=lambda row: row["id"])], [2, 2, 3, None, 2])
        who = collections.defaultdict(set)
        for row in ran:
            who[row["pid"]].add(row["contact"])
        self.assertTrue(all(len(contacts) == 1 for contacts in who.values()), who)

    def test_Case37_a_task_that_ends_its_worker(self):
        self.queue("q", lease=600)
        self.add("q", "exit 3", "kill", "ok")
        program = self.start("-d", "workerCount=1")
        self.wait(lambda: self.left() == 2, program)
        log = self.end(program)
        self.assertIn("exit code 3", log)
        self.assertIn("SIGKILL", log)
        self.assertRegex(log, r"#1 of 'q' wait for the end of their lease in \d+ s")
        self.assertEqual(len(self.ran()), 3, "none of them was run again")

    def test_Case37_wrong_answers_end_the_worker(self):
        self.queue("q", lease=600)
        self.add("q", "garbage", "twice", "ok")
        program = self.start("-d", "workerCount=1")
        self.wait(lambda: ("q", 3) in [(row["queue"], row["id"]) for row in self.ran()] and self.left() <= 2, program)
        self.wait_log(program, "it answers another request")
        self.end(program)

    def test_Case38_queues_that_give_nothing(self):
        self.queue("linear", type="Sql", lease=600)
        self.queue("draft", status="draft")
        self.queue("aborted", status="aborted")
        self.queue("headless", runner=None)
        go = os.path.join(self.folder, "go")
        self.add("linear", "file " + go, "ok")
        for name in ("draft", "aborted", "headless"):
            self.add(name, "ok")
        program = self.start()
        self.wait(lambda: len(self.ran()) == 1, program)
        open(go, "w").close()
        self.wait(lambda: self.left() == 3, program)
        self.end(program)
        self.assertEqual([row["id"] for row in self.ran()], [1, 2])

    def test_Case40_a_contact_that_cannot_log_in_loses_no_task(self):
        self.queue("q", lease=600)
        self.add("q", "ok", contact=9)
        self.add("q", "ok", contact=2)
        program = self.start(pipe=["--no-login", "9", "--log-calls"])
        self.wait_log(program, "'q' given back")
        self.wait(lambda: self.left() == 1, program)
        log = self.end(program)
        self.assertIn("contact 9", log)
        self.assertEqual([row["contact"] for row in self.ran()], [2])
        self.assertEqual(self.value("SELECT run_count FROM item"), 0)
        # Only what nobody has claimed in between.
        given_back = json.loads(self.value("SELECT params FROM call WHERE action='QueueItem.update'"))
        self.assertIn(["run_count", "=", 1], given_back[2]["where"])

    def test_Case40_a_site_without_login_runs_nobodys_tasks(self):
        self.queue("q", lease=600)
        self.add("q", "ok", contact=9)
        self.add("q", "ok")
        program = self.start(pipe=["--login", "nologin"])
        self.wait_log(program, "'q' given back")
        self.wait(lambda: self.left() == 1, program)
        self.end(program)
        self.assertEqual(len(self.ran()), 1)

    def test_Case40_a_task_of_another_domain_is_not_run_here(self):
        self.queue("q", lease=600)
        self.add("q", "ok", contact=2, domain=2)
        program = self.start()
        self.wait_log(program, "it belongs to domain 2")
        self.wait_log(program, "'q' given back")
        self.end(program)
        self.assertEqual(self.ran(), [])

    def test_domains_have_pipes_of_their_own(self):
        self.queue("q")
        self.add("q", "ok", contact=2, domain=2)
        own = os.path.join(self.folder, "second")
        config = os.path.join(self.folder, "c.yml")
        with open(config, "w") as file:
            json.dump({"civi": {"domains": {"2": "touch %s; %s" % (own, self.pipe("--domain", "2"))}}}, file)
        program = self.start("-c", config)
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        self.assertTrue(os.path.exists(own))

    def test_Case41_retries_and_their_interval(self):
        self.queue("q", retries=2, interval=1)
        self.add("q", "fail")
        program = self.start()
        self.wait(lambda: self.left() == 0, program)
        self.wait_log(program, "delete: it failed, and CiviCRM has deleted it")
        log = self.end(program)
        self.assertEqual(log.count("'q' retry: it failed"), 2)
        times = [row["time"] for row in self.ran()]
        self.assertEqual(len(times), 3)
        self.assertTrue(all(later - earlier >= 0.99 for earlier, later in zip(times, times[1:])), times)

    def test_Case42_a_batch_that_stops_its_queue(self):
        self.queue("q", batch=4, error="abort")
        self.add("q", "ok", "fail", "ok", "ok", "ok")
        program = self.start("-d", "workerCount=1")
        self.wait_log(program, "CiviCRM has stopped its queue")
        self.wait(lambda: self.log(program).count("relinquish") == 2, program)
        self.end(program)
        self.assertEqual(self.value("SELECT status FROM queue"), "aborted")
        self.assertEqual([row["id"] for row in self.ran()], [1, 2])
        self.assertEqual([row[0] for row in self.base.execute("SELECT run_count FROM item ORDER BY id")], [1, 0, 0, 0])

    def test_Case43_a_killed_worker_costs_a_try_and_the_time_of_the_lease(self):
        self.queue("q", lease=2, retries=1)
        self.add("q", "kill")
        program = self.start()
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        times = [row["time"] for row in self.ran()]
        self.assertEqual(len(times), 2, "at the third claim it is deleted without being run")
        self.assertGreater(times[1] - times[0], 1.9)

    def test_Case44_an_item_that_is_gone(self):
        self.queue("q")
        self.add("q", "ok")
        # Gone between claim and run: the worker starts slowly.
        program = self.start(pipe="sh -c 'test -e %s/first || { touch %s/first; exec %s; }; while ! test -e %s/go; do sleep 0.01; done; exec %s'" % (
            self.folder, self.folder, self.pipe(), self.folder, self.pipe()))
        self.wait(lambda: self.value("SELECT count(*) FROM item WHERE run_count = 1") == 1, program)
        self.base.execute("DELETE FROM item")
        open(os.path.join(self.folder, "go"), "w").close()
        self.wait_log(program, "item is null")
        self.add("q", "ok")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)


class Pool(Site):
    """Numbers of a task in its worker, as the description's own tests have them."""

    def numbers(self, *flags, contexts=None, tasks=0):
        self.queue("q", type="Sql" if contexts else "SqlParallel")
        for contact in contexts or [None] * tasks:
            self.add("q", "ok", contact=contact)
        program = self.start(*flags)
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        return [row["nth"] for row in self.ran()], collections.Counter(row["pid"] for row in self.ran())

    def test_sequence_of_contexts_in_one_place(self):
        numbers, _ = self.numbers("-d", "workerCount=1", "-d", "workerRequests=100", contexts=[1, 1, 1, 2, 2, 2, 1, 2])
        self.assertEqual(numbers, [1, 2, 3, 1, 2, 3, 1, 1])

    def test_sequence_of_a_limit_of_requests(self):
        numbers, _ = self.numbers("-d", "workerCount=1", "-d", "workerRequests=3", tasks=5)
        self.assertEqual(numbers, [1, 2, 3, 1, 2])

    def test_sequence_of_two_workers_with_a_limit(self):
        numbers, _ = self.numbers("-d", "workerCount=2", "-d", "workerRequests=2", tasks=6)
        self.assertIn(sorted(numbers), [[1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 2, 2]])

    def test_sequence_of_two_workers_without_one(self):
        _, pids = self.numbers("-d", "workerCount=2", "-d", "workerRequests=100", tasks=7)
        self.assertLessEqual(len(pids), 2)
        self.assertEqual(sum(pids.values()), 7)

    def test_sequence_of_a_fresh_worker_for_each(self):
        numbers, _ = self.numbers("-d", "workerCount=100", "-d", "workerRequests=1", tasks=3)
        self.assertEqual(numbers, [1, 1, 1])

    def test_the_login_counts_and_each_worker_does_one_task_at_least(self):
        numbers, _ = self.numbers("-d", "workerCount=1", "-d", "workerRequests=1", contexts=[5, 5])
        self.assertEqual(numbers, [1, 1])

    def test_the_login_counts_as_a_request(self):
        numbers, _ = self.numbers("-d", "workerCount=1", "-d", "workerRequests=3", contexts=[5, 5, 5])
        self.assertEqual(numbers, [1, 2, 1])

    def test_a_worker_that_ever_held_more_memory_is_replaced_after_its_task(self):
        self.queue("q", type="Sql")
        self.add("q", "ok", "ok", "memory 200", "ok", "ok")
        # The site's program is a child of the shell, as in 'cd /site && cv pipe'.
        program = self.start("-d", "workerCount=1", "-d", "workerRequests=0", "-d", "workerMemory=150M", pipe=self.pipe() + " && :")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        self.assertEqual([(row["id"], row["nth"]) for row in self.ran()], [(1, 1), (2, 2), (3, 3), (4, 1), (5, 2)])

    def test_a_worker_that_is_too_old_is_replaced_between_two_tasks(self):
        numbers, _ = self.numbers("-d", "workerCount=1", "-d", "workerRequests=0", "-d", "workerDuration=0.001", tasks=4)
        self.assertEqual(numbers, [1, 1, 1, 1], "each has done one, whatever its age")

    def idle(self, *flags):
        """Task numbers where the next task comes after a few looks at the queues without work."""
        self.queue("q")
        program = self.start("-d", "workerCount=1", "-d", "workerRequests=0", "-d", "logPolling=true", *flags)
        for done in range(1, 4):
            self.add("q", "ok")
            self.wait(lambda: len(self.ran()) == done and self.left() == 0, program)
            looks = self.log(program).count("CiviCRM: 1 queues")
            self.wait(lambda: self.log(program).count("CiviCRM: 1 queues") >= looks + 3, program)
            if flags == ("-d", "workerTimeout=0.001"):
                self.wait(lambda: not os.path.exists("/proc/%d" % self.ran()[-1]["pid"]), program)
        self.end(program)
        return [row["nth"] for row in self.ran()]

    def test_a_worker_waits_for_ever_where_workerTimeout_is_0(self):
        self.assertEqual(self.idle("-d", "workerTimeout=0"), [1, 2, 3])

    def test_a_tiny_workerTimeout_ends_each_that_is_idle(self):
        self.assertEqual(self.idle("-d", "workerTimeout=0.001"), [1, 1, 1])

    def test_a_tiny_workerTimeout_costs_no_task(self):
        self.queue("q")
        self.add("q", *["ok"] * 10)
        self.add("q", *["ok"] * 10, contact=3)
        program = self.start("-d", "workerTimeout=0.001", "-d", "workerCount=2", "-d", "workerRequests=0")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        self.assertEqual(sorted(row["id"] for row in self.ran()), list(range(1, 21)))

    def test_a_context_without_a_place_does_not_hold_up_another(self):
        self.queue("slow", lease=600)
        self.queue("q", lease=600)
        go = os.path.join(self.folder, "go")
        self.add("slow", "file " + go, contact=1)
        program = self.start("-d", "workerCount=2", "-d", "workerRequests=0")
        self.wait(lambda: len(self.ran()) == 1, program)
        self.add("q", *["ok"] * 5, contact=2)
        self.wait(lambda: self.left() == 1, program)
        self.add("q", *["ok"] * 5, contact=3)
        self.wait(lambda: self.left() == 1, program)
        open(go, "w").close()
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_idle_workers_end(self):
        self.queue("q")
        self.add("q", "ok")
        program = self.start("-d", "workerTimeout=0.05")
        self.wait(lambda: self.left() == 0, program)
        pid = self.ran()[0]["pid"]
        self.wait(lambda: not os.path.exists("/proc/%d" % pid), program)
        self.end(program)

    def test_no_more_items_are_claimed_than_can_be_begun(self):
        self.queue("q", lease=600)
        go = os.path.join(self.folder, "go")
        self.add("q", *["file " + go] * 10)
        program = self.start("-d", "workerCount=3")
        self.wait(lambda: len(self.ran()) == 3, program)
        self.assertEqual(self.value("SELECT count(*) FROM item WHERE run_count > 0"), 3)
        open(go, "w").close()
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def test_queues_take_turns(self):
        for name in ("a", "b", "c"):
            self.queue(name)
            self.add(name, *["ok"] * 20)
        program = self.start("-d", "workerCount=1", "-d", "workerRequests=0")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        first = collections.Counter(row["queue"] for row in self.ran()[:30])
        self.assertTrue(all(count >= 8 for count in first.values()) and len(first) == 3, first)


    def test_no_queue_loses_its_turn_where_queues_are_looked_for_all_the_time(self):
        for name in ("a", "b"):
            self.queue(name)
            self.add(name, *["ok"] * 12)
        program = self.start("-d", "workerCount=1", "-d", "workerRequests=0", "-d", "pollInterval=0.001", "-d", "pollIntervalMin=0.001")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        self.assertIn("".join(row["queue"] for row in self.ran()[:16]).count("b"), range(6, 11))


class Life(Site):
    def test_two_programs_share_a_site_without_running_anything_twice(self):
        self.queue("q", lease=600)
        self.add("q", *["ok"] * 60)
        one, two = self.start("-d", "workerRequests=0"), self.start("-d", "workerRequests=0")
        self.wait(lambda: self.left() == 0)
        self.end(one)
        self.end(two)
        self.assertEqual(sorted(row["id"] for row in self.ran()), list(range(1, 61)))

    def test_when_one_of_two_is_killed_the_other_does_all(self):
        self.queue("q", lease=3, retries=3)
        self.add("q", *["sleep 0.05"] * 30)
        one, two = self.start("-d", "workerRequests=0"), self.start("-d", "workerRequests=0")
        self.wait(lambda: len(self.ran()) >= 6)
        one.kill()
        one.wait()
        self.wait(lambda: self.left() == 0, two)
        self.end(two)
        again = [id for id, count in collections.Counter(row["id"] for row in self.ran()).items() if count > 1]
        self.assertLessEqual(len(again), 2, "only what ran in the killed one's workers ran again")
        self.assertEqual({row["id"] for row in self.ran()}, set(range(1, 31)))

    def test_a_dead_control_pipe_is_started_again(self):
        self.queue("q")
        program = self.start(pipe=["--die-after", "40"])
        for _ in range(3):
            self.add("q", *["ok"] * 8)
            self.wait(lambda: self.left() == 0, program)
        self.wait(lambda: self.log(program).count("failures in a row") >= 1, program)
        self.add("q", "ok")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)

    def pauses(self, program, text, first):
        """Those that the log tells after `text`: each may be a fifth longer or shorter than twice the one before."""
        pauses = [int(each) for each in re.findall(text + " ([0-9]+) ms", self.log(program))]
        nominal = [first * 2 ** i for i in range(len(pauses))]
        for pause, middle in zip(pauses, nominal):
            self.assertTrue(0.8 * middle - 1 <= pause <= 1.2 * middle + 1, pauses)
        self.assertNotEqual(pauses, nominal, "they are spread")
        return pauses

    def test_pauses_of_a_control_pipe_that_does_not_start_grow_and_are_spread(self):
        program = self.start("-d", "failures=5", pipe="exit 3")
        self.end(program, code=1, number=0)
        self.assertEqual(len(self.pauses(program, "failures in a row, again in", 250)), 4)

    def test_a_success_resets_the_count_of_failures(self):
        # Starts 1, 2 and 4 fail; the third one dies when it has answered for a while.
        count = os.path.join(self.folder, "starts")
        pipe = 'echo x >>%s; case $(wc -l <%s) in 1|2|4) exit 3;; 3) exec %s;; *) exec %s;; esac' % (
            count, count, self.pipe("--die-after", "9"), self.pipe())
        program = self.start("-d", "failures=4", pipe=pipe)
        self.queue("q")
        self.wait(lambda: os.path.exists(count) and open(count).read().count("x") >= 5, program)
        self.add("q", "ok")
        self.wait(lambda: self.left() == 0, program)
        log = self.end(program)
        self.assertEqual(re.findall("([0-9]) of 4 failures in a row", log)[:4], ["1", "2", "1", "2"])

    def test_pauses_of_workers_that_do_not_start_grow_and_begin_again_after_a_success(self):
        self.queue("q", lease=600)
        self.add("q", *["ok"] * 4)
        go, first = os.path.join(self.folder, "go"), os.path.join(self.folder, "first")
        # The control pipe is the first one.
        program = self.start("-d", "workerCount=1", "-d", "workerRequests=1",
                             pipe="mkdir %s 2>/dev/null || test -e %s || exit 3; exec %s" % (first, go, self.pipe()))
        text = "the next start waits"
        self.wait(lambda: self.log(program).count(text) == 4, program)
        self.assertEqual(len(self.pauses(program, text, 100)), 4)
        self.wait(lambda: self.value("SELECT count(*) FROM item WHERE run_count > 0") == 0, program)
        open(go, "w").close()
        self.add("q", "ok")
        self.wait(lambda: self.left() == 4 and len(self.ran()) == 1, program)
        os.remove(go)
        self.add("q", "ok")
        self.wait(lambda: self.log(program).count(text) == 5, program)
        self.assertLessEqual(int(re.findall(text + " ([0-9]+) ms", self.log(program))[-1]), 120)
        self.end(program)

    def test_after_failures_in_a_row_it_ends_with_an_error(self):
        program = self.start("-d", "failures=3", pipe="echo broken; echo to stderr >&2; exit 3")
        log = self.end(program, code=1, number=0)
        self.assertIn("given up after 3 failures in a row", log)
        self.assertIn("to stderr", log)

    def test_agentDuration_ends_it_well(self):
        program = self.start("-d", "agentDuration=1", "-d", "logPolling=true")
        log = self.end(program, number=0)
        order = [log.index(text) for text in ("CiviCRM: starting", "CiviCRM: 0 queues", "time of 1000 ms is over", "CiviCRM: stopping", "CiviCRM: stopped")]
        self.assertEqual(order, sorted(order))
        self.assertGreaterEqual(log.count("CiviCRM: 0 queues"), 2)

    def test_a_second_signal_does_not_wait(self):
        self.queue("q", lease=600)
        self.add("q", "sleep 300")
        program = self.start("-d", "stop_grace=200")
        self.wait(lambda: len(self.ran()) == 1, program)
        program.send_signal(signal.SIGTERM)
        self.wait_log(program, "CiviCRM: stopping")
        begun = time.monotonic()
        self.wait(lambda: program.send_signal(signal.SIGTERM) or program.poll() is not None)
        log = self.end(program, number=0)
        self.assertLess(time.monotonic() - begun, 60)
        self.assertIn("wait for the end of their lease", log)

    def test_a_task_that_takes_too_long_is_killed(self):
        self.queue("q", lease=600)
        self.add("q", "sleep 300", "ok")
        program = self.start("-d", "taskTimeout=0.5", "-d", "workerCount=1")
        self.wait(lambda: self.left() == 1, program)
        self.wait_log(program, "process timeout")
        self.end(program)

    def test_no_task_outlives_its_lease(self):
        self.queue("q", lease=1, retries=0)
        self.add("q", "sleep 300")
        began = time.monotonic()
        program = self.start("-d", "workerCount=1")
        self.wait(lambda: self.left() == 0, program)
        self.end(program)
        self.assertLess(time.monotonic() - began, 50)
        self.assertEqual(len(self.ran()), 1)

    def test_no_process_is_left_behind(self):
        self.queue("q", lease=600)
        self.add("q", "sleep 300", "sleep 300")
        program = self.start()
        self.wait(lambda: len(self.ran()) == 2, program)
        pids = [row["pid"] for row in self.ran()]
        program.kill()
        program.wait()
        self.wait(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in pids))

    def test_tasks_are_in_history_and_event_file_with_their_certificate(self):
        self.queue("q", lease=600)
        self.add("q", "kill", "ok")
        events = os.path.join(self.folder, "events")
        store = "file:" + os.path.join(self.folder, "store")
        program = self.start("--store", store, "-d", "events.file=" + events, "-d", "events.history=all", "-d", "workerCount=1")
        self.wait(lambda: self.left() == 1, program)
        self.wait(lambda: os.path.exists(events) and '"done"' in open(events).read(), program)
        said = [json.loads(line) for line in open(events)]
        died = next(each for each in said if each["event"] == "crashed")
        self.assertEqual((died["task"], died["queue"], died["worker"], died["certificate"]["signal"]), ("civi:q/1", "q", "civi", "SIGKILL"))
        shown = subprocess.run([COWORKER, "job", "civi:q/1", "--store", store, "--json"], capture_output=True, text=True)
        self.assertIn('"crashed"', shown.stdout + shown.stderr)
        shown = subprocess.run([COWORKER, "job", died["job"], "--store", store], capture_output=True, text=True)
        self.assertIn("SIGKILL", shown.stdout + shown.stderr)
        self.end(program)

    def test_it_works_beside_queues_of_the_store(self):
        self.queue("q")
        self.add("q", "ok")
        done = os.path.join(self.folder, "done")
        config = os.path.join(self.folder, "coworker.yml")
        with open(config, "w") as file:
            json.dump({"queues": {"own": {"worker": {"type": "command", "command": ["sh", "-c", "touch " + done]}}},
                       "civi": {"pipeCommand": self.pipe()}}, file)
        store = "file:" + os.path.join(self.folder, "store")
        subprocess.run([COWORKER, "add", "own", "{}", "--store", store], check=True, capture_output=True)
        program = self.start("-c", config, "--store", store, pipe=None)
        self.wait(lambda: self.left() == 0 and os.path.exists(done), program)
        self.end(program)


if __name__ == "__main__":
    main("__main__")
