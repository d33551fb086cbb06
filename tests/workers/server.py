#!/usr/bin/env python3
"""The server that the tests of http workers talk to. server.py PORT-FILE [CERTIFICATE]: writes its port there."""

import http.server
import json
import os
import ssl
import sys
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        path, _, query = self.path.partition("?")
        if path == "/status":
            return self.send(503, "try later\nplease")
        if path == "/redirect":
            return self.send(302, "", {"Location": "/echo"})
        if path == "/kept":
            return self.send(307, "", {"Location": "/echo"})
        if path == "/loop":
            return self.send(302, "", {"Location": "/loop"})
        if path == "/file":
            return self.send(302, "", {"Location": "file:///etc/passwd"})
        if path == "/slow":
            time.sleep(60)
        if path == "/large":
            return self.send(200, "x" * 2_000_000)
        if path == "/empty":
            return self.send(204, None)
        if path == "/hangup":
            self.connection.close()
            self.close_connection = True
            return None
        fields = urllib.parse.parse_qs(body or query)
        text = fields.get("body", [""])[0]
        return self.send(200, json.dumps({
            "method": self.command, "path": path, "type": self.headers.get("Content-Type"), "length": len(text),
            "body": text[:100], "metadata": fields.get("metadata", [""])[0], "header": self.headers.get("X-Test"),
            "authorization": self.headers.get("Authorization"), "host": self.headers.get("Host")},
            ensure_ascii=False))

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def send(self, status, text, headers=None):
        content = (text or "").encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if text is not None:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[1] + ".new", "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
