"""Fills a small disk through the broker: adds are refused with a clear error, claims and acks go on, and adds are
taken again by themselves once there is room; every job that was answered comes out once."""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time


class Refused(Exception):
    pass


class Client:
    """Just enough of the Disque protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.replies = self.socket.makefile("rb")

    def __call__(self, *words):
        parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self.read()

    def read(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        size = int(rest)
        if size < 0:
            return None
        if kind == b"$":
            return self.replies.read(size + 2)[:-2]
        return [self.read() for _ in range(size)]


def fill(client):
    """Adds until refused; how many were taken, and why no more."""
    taken = 0
    while taken < 100_000:
        try:
            client("ADDJOB", "q", b"x" * 1000, 0)
        except Refused as refusal:
            return taken, str(refusal)
        taken += 1
    raise AssertionError("the disk does not fill up")


def claim_all(client):
    """All jobs' ids, unacknowledged."""
    ids = []
    while jobs := client("GETJOB", "NOHANG", "COUNT", 500, "FROM", "q"):
        ids += [job[1] for job in jobs]
    return ids


def ack(client, ids):
    return sum(client("ACKJOB", *ids[at : at + 500]) for at in range(0, len(ids), 500))


def resumes(client, seconds):
    """Adds one job as soon as it is taken."""
    limit = time.monotonic() + seconds
    while True:
        try:
            client("ADDJOB", "q", b"x" * 1000, 0)
            return
        except Refused:
            assert time.monotonic() < limit, "adds are not taken again"
            time.sleep(0.02)


def check(client):
    first, why = fill(client)
    assert first > 5_000, f"only {first} jobs fit"
    assert why.startswith("MISCONF") and "full" in why, why
    some = [job[1] for job in client("GETJOB", "NOHANG", "COUNT", 2_000, "FROM", "q")]
    assert ack(client, some) == 2_000
    resumes(client, 10)
    second, _ = fill(client)
    expected = first - 2_000 + 1 + second
    ids = claim_all(client)
    assert len(ids) == len(set(ids)) == expected, f"{len(ids)} of {expected} jobs came out"
    assert ack(client, ids) == expected, "acks were refused"
    resumes(client, 10)
    print(f"{first} jobs, then {second} more on 24 MiB; all came out once")


def main():
    program = pathlib.Path(os.environ["COWORKER_BIN"]) / "coworker"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
        path = f"{folder}/s"
        broker = subprocess.Popen(
            [program, "broker", "--data", f"{folder}/data", "--listen", f"unix:{path}"], stdout=subprocess.PIPE
        )
        try:
            broker.stdout.readline()
            check(Client(path))
            broker.send_signal(signal.SIGTERM)
            assert broker.wait(20) == 0
        finally:
            broker.kill()
            broker.wait()
            subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    main()
