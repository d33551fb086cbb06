"""Servers in Python for tests, and a site of CiviCRM that does as a test says."""

import gzip
import json
import socket
import ssl
import threading
import urllib.parse


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


def zipped(values):
    return response(gzip.compress(json.dumps({"values": values}).encode()), headers="Content-Encoding: gzip\r\n")
