"""Measures `coworker run` from end to end: jobs a second, add to start, death to start again."""

import contextlib
import json
import os
import signal
import subprocess
import time

PATIENCE = 60
DEATHS = 50  # of one program


class Running:
    """bench_app serving a store in a folder of its own; ends with the `with` block."""

    def __init__(self, servers, queues, consumer):
        self.program = servers.program("bench_app")
        self.folder, _ = servers.fresh("run")
        self.stamps = os.path.join(self.folder, "stamps")
        self.store = f"file:{self.folder}/data"
        config = {"store": self.store, "queues": queues, "log": {"level": "error", "file": f"{self.folder}/log"},
                  "consumer_defaults": {"min_processes": 2, "max_processes": 2, **consumer}}
        with open(os.path.join(self.folder, "coworker.yml"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.environment = {**os.environ, "BENCH_FILE": self.stamps}
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=PATIENCE)

    def start(self):
        self.process = subprocess.Popen([self.program, "run"], cwd=self.folder, env=self.environment)
        wait(lambda: [c for c in self.consumers() if c["state"] == "ready"], "the consumers are not ready")
        wait(lambda: all(c["state"] == "ready" for c in self.consumers()), "the consumers are not ready")

    def ask(self, *words, text=None):
        return subprocess.run([self.program, *words], cwd=self.folder, input=text, capture_output=True, text=True,
                              check=False).stdout

    def consumers(self):
        with contextlib.suppress(ValueError):
            return [p for w in json.loads(self.ask("worker", "list", "--json")) for p in w.get("processes", [])]
        return []

    def jobs(self):
        with contextlib.suppress(ValueError):
            return json.loads(self.ask("store", "stat", "--json"))["jobs"]
        return None

    def lines(self):
        """(body, nanoseconds, pid) of each start so far."""
        if not os.path.exists(self.stamps):
            return []
        with open(self.stamps, encoding="utf-8") as file:
            return [(w[0], int(w[1]), int(w[2])) for w in (line.split() for line in file if line.endswith("\n"))]


def wait(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.002)
    raise RuntimeError(what)


def jobs_a_second(servers, count):
    """Empty inline jobs that wait already, until the last is acknowledged; from the consumers' start on."""
    with Running(servers, {"empty": {"worker": {"type": "inline"}}}, {"job_batch": 4, "prefetch": 1000}) as running:
        running.ask("add", "empty", "--stdin", text="1\n" * count)
        begun = time.monotonic()
        running.process = subprocess.Popen([running.program, "run"], cwd=running.folder, env=running.environment)
        samples = []
        while True:
            left = running.jobs()
            if left is not None:
                samples.append((time.monotonic(), left))
                if left == 0:
                    break
            if time.monotonic() > begun + PATIENCE:
                raise RuntimeError("the jobs are not done")
            time.sleep(0.1)  # each look starts a program
        busy = [s for s in samples if s[1] < count] or samples
        first = samples[max(0, samples.index(busy[0]) - 1)]
        return (first[1] - samples[-1][1]) / max(samples[-1][0] - first[0], 1e-6)


def add_to_start(servers, count):
    """Nanoseconds from just before an add is sent to the first line of its worker; one job at a time."""
    with Running(servers, {"stamp": {"worker": {"type": "inline"}}}, {}) as running:
        running.start()
        adder = subprocess.Popen([running.program, "add", "stamp", "--stdin"], cwd=running.folder,
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        times = []
        for i in range(count + 20):
            sent = time.monotonic_ns()
            adder.stdin.write(f"{sent}\n")
            adder.stdin.flush()
            wait(lambda: len(running.lines()) > i, "a job was not started")
        adder.stdin.close()
        adder.wait()
        for body, began, _ in running.lines()[20:]:
            times.append(began - int(body))
        return sorted(times)


def death_to_start(servers, count, command):
    """Nanoseconds from SIGKILL of a worker with grandchildren, or of an inline job's consumer, to its next start.

    Each death comes when all consumers of the program are ready.
    """
    worker = {"type": "command", "command": [servers.program("bench_app"), "work"]} if command else {"type": "inline"}
    queues = {"hold": {"worker": worker, "failure_strategy": "retry_immediately", "max_crashes": 0}}
    times = []
    while len(times) < count:
        with Running(servers, queues, {}) as running:
            running.start()
            for i in range(min(DEATHS, count - len(times))):
                wait(lambda: all(c["state"] == "ready" for c in running.consumers()), "the consumers are not ready")
                running.ask("add", "hold", str(i))
                started = wait(lambda: running.lines()[2 * i:], "a job was not started")[0]
                killed = time.monotonic_ns()
                os.kill(started[2], signal.SIGKILL)
                times.append(wait(lambda: running.lines()[2 * i + 1:], "a job was not started again")[0][1] - killed)
                wait(lambda: running.jobs() == 0, "a job was not done")
    return sorted(times)


def share(times, part):
    return times[min(len(times) - 1, int(len(times) * part))]

