"""What stands between coworker and a site: a proxy, a line that falls silent, nginx with TLS."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

from servers import Request, Server, response

PATIENCE = 100


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
        listening = socket.create_server(("127.0.0.1", 0))  # taken over as it is
        listening.setblocking(False)  # or one of two workers that both see a client waits in accept for the next one
        self.port = listening.getsockname()[1]
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
        with listening:
            self.program = subprocess.Popen([program, "-p", folder, "-e", self.log, "-c", self.file], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[listening.fileno()],
                                            env={**os.environ, "NGINX": "%d;" % listening.fileno()})

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
