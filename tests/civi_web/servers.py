"""Servers of ours that do as a test says: a site, a proxy, a line that breaks; and nginx before them."""

import base64
import gzip
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../civi"))
from site_of_tests import COWORKER, PATIENCE  # noqa: E402

VARIABLES = [name for each in ("http_proxy", "https_proxy", "no_proxy", "all_proxy") for name in (each, each.upper())]


class Server:
    """Accepts on loopback; each connection has a thread, which calls `serve`."""

    def __init__(self, certificate=None):
        self.context = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate + ".pem", certificate + ".key")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Lock()
        self.open = set()
        self.accepted = 0
        self.is_closed = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                stream, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                if self.is_closed:
                    stream.close()
                    return
                self.accepted += 1
                self.open.add(stream)
                number = self.accepted
            threading.Thread(target=self.run, args=(stream, number), daemon=True).start()

    def run(self, stream, number):
        plain = stream
        try:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                stream = self.context.wrap_socket(stream, server_side=True)
            self.serve(stream, number)
        except (OSError, ValueError):
            pass
        with self.lock:
            self.open.discard(plain)
        stream.close()

    def hang_up(self):
        with self.lock:
            still = list(self.open)
        for stream in still:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        with self.lock:
            self.is_closed = True
        # A thread that accepts keeps the socket until it is woken.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.hang_up()


class Request:
    def __init__(self, stream, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            part = stream.recv(1 << 16)
            if not part:
                raise OSError("closed")
            head += part
        head, self.body = head.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        size = int(self.headers.get("content-length", 0))
        while len(self.body) < size:
            part = stream.recv(1 << 16)
            if not part:
                raise OSError("closed")
            self.body += part
        self.text = head.decode("latin-1")
        self.connection = connection
        self.what = "/".join(urllib.parse.urlsplit(self.target).path.split("/")[-2:])


def response(body, status="200 OK", headers="", version="HTTP/1.1"):
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps({"values": body})).encode()
    return ("%s %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (version, status, len(body), headers)).encode() + body


class WebSite(Server):
    """APIv4 with one queue, `q`. What is in `odd` under the name of an action answers for the site, once each: a function
    of stream and request; true: the connection goes on. What is to be sent as it is can be given as bytes, which end the
    connection."""

    def __init__(self, certificate=None, items=0):
        self.waiting = list(range(1, items + 1))
        self.ran = []
        self.requests = []
        self.odd = {}
        super().__init__(certificate)

    def address(self, host="127.0.0.1", path="/civicrm/queue"):
        return "%s://%s:%d%s" % ("https" if self.context else "http", host, self.port, path)

    def plan(self, what, *odd):
        self.odd.setdefault(what, []).extend(odd)

    def count(self, what):
        return sum(request.what == what for request in self.requests)

    def serve(self, stream, number):
        while True:
            request = Request(stream, number)
            with self.lock:
                self.requests.append(request)
                planned = self.odd.get(request.what) or self.odd.get("*")
                odd = planned.pop(0) if planned else None
            if isinstance(odd, bytes):
                return stream.sendall(odd)
            if odd is not None:
                if not odd(stream, request):
                    return
            else:
                stream.sendall(response(self.answer(request)))

    def answer(self, request):
        params = json.loads(urllib.parse.parse_qs(request.body.decode()).get("params", ["{}"])[0])
        with self.lock:
            if request.what == "Domain/get":
                return [{"id": 1, "version": "5.81.0"}]
            if request.what == "Contact/get":
                return [{"id": 5}]
            if request.what == "Queue/getFields":
                return [{"name": "runner"}]
            if request.what == "Queue/get":
                return [{"name": "q", "lease_time": 3600}]
            if request.what == "Queue/claimItems":
                claimed = [self.waiting.pop(0)] if self.waiting and "queue" in params else []
                return [{"id": str(each), "queue": "q", "run_as": None} for each in claimed]
            if request.what == "Queue/runItems":
                self.ran += [int(item["id"]) for item in params["items"]]
                return [{"outcome": "ok", "item": item} for item in params["items"]]
            return []


def pump(source, target, then=None):
    try:
        while part := source.recv(1 << 16):
            target.sendall(part if then is None else then(part))
    except OSError:
        pass
    for each in (source, target):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxy(Server):
    """`login`: "user:password" that it wants. `refusal`: its answer to everything. `cut`: bytes of a tunnel's way back after
    which it hangs up."""

    def __init__(self, login=None, refusal=None, cut=None):
        self.login, self.refusal, self.cut = login, refusal, cut
        self.requests = []
        self.seen = b""
        super().__init__()

    def address(self, login="", host="127.0.0.1"):
        return "http://%s%s:%d" % (login and login + "@", host, self.port)

    def serve(self, stream, number):
        while True:
            request = Request(stream, number)
            self.requests.append(request)
            wanted = self.login and "Basic " + base64.b64encode(self.login.encode()).decode()
            if self.login and request.headers.get("proxy-authorization") != wanted:
                stream.sendall(response("who are you", "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="p"\r\n'))
                continue
            if self.refusal:
                stream.sendall(response("the proxy's own words", self.refusal))
                continue
            if request.method == "CONNECT":
                host, port = request.target.rsplit(":", 1)
                return self.tunnel(stream, socket.create_connection((host, int(port))))
            parts = urllib.parse.urlsplit(request.target)
            lines = [line for line in request.text.split("\r\n")[1:] if not line.lower().startswith("proxy-")]
            with socket.create_connection((parts.hostname, parts.port)) as site:
                path = parts.path + ("?" + parts.query if parts.query else "")
                head = "\r\n".join(["%s %s HTTP/1.0" % (request.method, path), *lines, "", ""])
                site.sendall(head.encode("latin-1") + request.body)
                answer = Reading(site).answer()
            stream.sendall(answer)

    def tunnel(self, stream, site):
        stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self.lock:
            self.open.add(site)

        def there(part):
            self.seen += part
            return part

        def back(part):
            if self.cut is None:
                return part
            self.cut -= len(part)
            if self.cut < 0:
                raise OSError("cut")
            return part
        threading.Thread(target=pump, args=(stream, site, there), daemon=True).start()
        pump(site, stream, back)


class Reading:
    """An answer with its length."""

    def __init__(self, stream):
        self.stream = stream

    def answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.stream.recv(1 << 16)
            if not part:
                return data
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        size = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")))
        while len(body) < size and (part := self.stream.recv(1 << 16)):
            body += part
        return head + b"\r\n\r\n" + body


class Line(Server):
    """A way to another port that can go silent, as when a cable is pulled: what is open stays open, and says nothing."""

    def __init__(self, port):
        self.target = port
        self.silent = set()
        super().__init__()

    def go_silent(self):
        with self.lock:
            self.silent = set(range(1, self.accepted + 1))

    def serve(self, stream, number):
        site = socket.create_connection(("127.0.0.1", self.target))
        with self.lock:
            self.open.add(site)

        def pass_on(part):
            return b"" if number in self.silent else part
        threading.Thread(target=pump, args=(stream, site, pass_on), daemon=True).start()
        pump(site, stream, pass_on)


class Nginx:
    """nginx with TLS before a port of ours."""

    def __init__(self, folder, upstream, directives="", http2=True):
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
        if program is None:
            raise unittest.SkipTest("no nginx")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = os.path.join(folder, "nginx.log")
        self.file = os.path.join(folder, "nginx.conf")
        paths = "".join("%s_temp_path %s/t%d;\n" % (name, folder, i)
                        for i, name in enumerate(("client_body", "fastcgi", "proxy", "uwsgi", "scgi")))
        with open(self.file, "w") as file:
            file.write("daemon off;\nworker_processes 1;\n%spid %s/nginx.pid;\nerror_log %s info;\nevents {}\nhttp {\naccess_log off;\n%s"
                       "server {\nlisten 127.0.0.1:%d ssl%s;\nssl_certificate %s/good.pem;\nssl_certificate_key %s/good.key;\n%s\n"
                       "location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection \"\";\n"
                       "proxy_set_header X-Version $server_protocol; proxy_set_header X-Port $remote_port; proxy_next_upstream off; } } }\n"
                       % ("user root;\n" if os.getuid() == 0 else "", folder, self.log, paths, self.port, " http2" if http2 else "",
                          folder, folder, directives, upstream))
        self.program = subprocess.Popen([program, "-p", folder, "-e", self.log, "-c", self.file], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > end or self.program.poll() is not None:
                    raise RuntimeError(open(self.log).read())
                time.sleep(0.01)

    def address(self):
        return "https://127.0.0.1:%d/civicrm/queue" % self.port

    def reload(self):
        """Returns when those who serve have given place to others."""
        def leaving():
            with open(self.log) as file:
                return file.read().count("gracefully shutting down")
        before = leaving()
        self.program.send_signal(signal.SIGHUP)
        end = time.monotonic() + PATIENCE
        while leaving() == before and time.monotonic() < end:
            time.sleep(0.01)

    def close(self):
        self.program.terminate()
        self.program.wait()


class Program(unittest.TestCase):
    """Runs coworker at servers of the test, and ends all."""

    @classmethod
    def setUpClass(cls):
        import tempfile
        folder = tempfile.TemporaryDirectory(prefix="cw-web-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        subprocess.run(["sh", os.path.join(HERE, "certificates.sh"), cls.folder], check=True)
        cls.environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
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
        self.assertEqual(program.wait(PATIENCE), code, self.log(program)[-6000:])
        return self.log(program)


def zipped(values):
    return response(gzip.compress(json.dumps({"values": values}).encode()), headers="Content-Encoding: gzip\r\n")


def main():
    unittest.main(module="__main__", verbosity=2, warnings="ignore")
