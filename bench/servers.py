"""Starts what is measured, each in a folder of its own, and ends it by its process."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS = 20


class Server:
    """One running server: its address and its process. `log` is the file of what it says."""

    def __init__(self, command, folder, path, keep_stdin=False):
        self.address = f"unix:{path}"
        self.path = path
        self.log = os.path.join(folder, "server.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log,
                                            stdin=subprocess.PIPE if keep_stdin else subprocess.DEVNULL)
        self._wait_until_it_accepts(command)

    def _wait_until_it_accepts(self, command):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
                probe.connect(self.path)
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        self.stop()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"{command[0]} did not start: {log.read()[-500:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Servers:
    """A temporary folder with servers in it; all ends with the `with` block.

    The folder lies in the build tree, because it must be on a real disk: a temporary file system may
    be memory, where a sync costs nothing.
    """

    def __init__(self, build):
        self.programs = os.path.join(build, "bin")
        self.parent = os.path.join(build, "bench-data")
        self.running = []

    def __enter__(self):
        os.makedirs(self.parent, exist_ok=True)
        self.folder = tempfile.mkdtemp(dir=self.parent)
        # Socket paths are limited to about a hundred characters; the build tree's may be longer.
        self.sockets = tempfile.mkdtemp(prefix="cw-bench-")
        return self

    def __exit__(self, *_):
        for server in self.running:
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.programs, name)

    def fresh(self, name):
        folder = tempfile.mkdtemp(prefix=name + "-", dir=self.folder)
        return folder, os.path.join(self.sockets, os.path.basename(folder))

    def _start(self, command, folder, path, **options):
        server = Server(command, folder, path, **options)
        self.running.append(server)
        return server

    def coworker(self, *flags):
        folder, path = self.fresh("coworker")
        return self._start([self.program("coworker"), "broker", "--data", os.path.join(folder, "data"),
                            "--listen", "unix:" + path, *flags], folder, path)

    def redis(self):
        folder, path = self.fresh("redis")
        return self._start([shutil.which("redis-server"), "--port", "0", "--unixsocket", path, "--dir", folder,
                            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                            "--auto-aof-rewrite-percentage", "0"], folder, path)

    def beanstalkd(self):
        folder, path = self.fresh("beanstalkd")
        return self._start([shutil.which("beanstalkd"), "-b", folder, "-f", "0", "-l", "unix:" + path], folder, path)

    def nginx(self, answers):
        """The URL of a server that has an answer for each pattern of a path, in JSON."""
        folder, path = self.fresh("nginx")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        locations = "".join(f"location ~ {pattern} {{ return 200 '{answer}'; }}\n" for pattern, answer in answers.items())
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write("daemon off;\nworker_processes 1;\n" + ("user root;\n" if os.getuid() == 0 else "") +
                       f"pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\nkeepalive_requests 10000000;\n" +
                       "".join(f"{kind}_temp_path {folder}/{kind};\n"
                               for kind in ("client_body", "fastcgi", "proxy", "uwsgi", "scgi")) +
                       f"server {{\nlisten unix:{path};\nlisten 127.0.0.1:{port};\ndefault_type application/json;\n" +
                       f"{locations}}}\n}}\n")
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self._start([program, "-p", folder, "-e", os.path.join(folder, "log"), "-c", os.path.join(folder, "nginx.conf")],
                    folder, path)
        return f"http://127.0.0.1:{port}"

    def noop(self):
        folder, path = self.fresh("noop")
        return self._start([self.program("bench_limits"), "noop-server", path], folder, path, keep_stdin=True)

    def sync(self, record_bytes):
        folder, path = self.fresh("sync")
        return self._start([self.program("bench_limits"), "sync-server", path, os.path.join(folder, "log"),
                            str(record_bytes)], folder, path, keep_stdin=True)
