"""Addresses and answers as they happen: each is understood or explained, what was claimed is run once, and nothing hangs."""

import re
import socket
import subprocess
import threading
import time

from servers import Server, WebSite, response, zipped
from web_program import COWORKER, PATIENCE, Program, main


def slowly(text, seconds):
    """An answer of which a byte comes every now and then."""
    def answer(stream, request):
        stream.sendall(text[:20])
        for byte in text[20:]:
            time.sleep(seconds)
            stream.sendall(bytes([byte]))
        return False
    return answer


def endless(head, part):
    def answer(stream, request):
        stream.sendall(head)
        while True:
            stream.sendall(part)
    return answer


class Addresses(Program):
    def test_with_a_fragment_and_a_very_long_one(self):
        site = self.site()
        self.doctor(site.address() + "#top")
        self.doctor(site.address(path="/" + "x" * 20_000 + "/civicrm/queue"))
        self.assertNotIn("#", "".join(request.target for request in site.requests))
        site.plan("*", *[response("too long", "414 URI Too Long")] * 2)
        self.assertIn("status 414", self.doctor(site.address(path="/" + "x" * 60_000), code=1))

    def test_an_ipv6_literal(self):
        try:
            server = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            self.skipTest("no IPv6 here")
        server.close()
        site = self.site()
        self.addCleanup(setattr, socket, "create_server", socket.create_server)
        make = socket.create_server
        socket.create_server = lambda address: make(("::1", 0), family=socket.AF_INET6)
        site = self.own(WebSite())
        socket.create_server = make
        self.doctor(site.address("[::1]"))
        self.assertEqual(site.requests[0].headers["host"], "[::1]:%d" % site.port)

    def test_credentials_as_people_write_them(self):
        import base64
        site = self.site()
        for given, sent in (("me%40here:p%3Aq%2Fr", "me@here:p:q/r"), ("m%C3%A9:p", "mé:p"), ("mé:p", "mé:p"), ("me:p:q", "me:p:q"), ("me:p@q", "me:p@q")):
            site.requests.clear()
            self.doctor(site.address().replace("//", "//%s@" % given), token="")
            self.assertEqual(base64.b64decode(site.requests[0].headers["authorization"].split()[1]).decode(), sent)
        for token, sent in (("a+b", "a+b"), ("a%26b%3D", "a&b="), ("a%2Bb", "a+b")):
            site.requests.clear()
            self.doctor(site.address() + "?token=" + token, token="")
            self.assertEqual(site.requests[0].headers["x-civi-auth"], "Bearer " + sent)
        site.requests.clear()
        self.doctor(site.address(), token="me@here:p@ss:w&rd")
        self.assertEqual(base64.b64decode(site.requests[0].headers["authorization"].split()[1]), b"me@here:p@ss:w&rd")

    def test_a_password_that_breaks_the_address_is_not_shown(self):
        for address in ("http://me:hu/sh@127.0.0.1:1/x", "http://me:hu?sh@127.0.0.1:1/x", "http://me:hu#sh@127.0.0.1:1/x"):
            program = subprocess.Popen([COWORKER, "doctor", "--web=" + address], cwd=self.folder, env=self.environment,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            said = program.communicate(timeout=PATIENCE)[0]
            self.assertEqual(program.returncode, 1, said)
            self.assertNotIn("hu", said.replace("xn--", ""))
            self.assertIn("%2F", said)

    def test_a_host_of_other_letters(self):
        self.assertIn("xn--", self.doctor("https://bücher.example/civicrm", code=1))

    def test_http_where_https_is_spoken_and_the_other_way_round(self):
        class Plain(Server):
            def serve(self, stream, number):
                stream.recv(100)
                stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        plain, secure = self.own(Plain()), self.site(tls=True)
        self.assertIn("is the address one of http?", self.doctor("https://127.0.0.1:%d/" % plain.port, "-d", "requestRetries=0", code=1))
        self.doctor(secure.address().replace("https:", "http:"), "-d", "requestRetries=0", code=1)

    def test_a_host_that_does_not_exist(self):
        said = self.doctor("https://no-such-host.invalid/civicrm", "-d", "requestRetries=0", code=1)
        self.assertIn("Could not resolve host: no-such-host.invalid", said)


class Answers(Program):
    def says(self, *odd, words=(), code=1):
        """What doctor says when the site answers so to its question for queues."""
        site = self.site()
        site.plan("Queue/get", *odd)
        said = self.doctor(site.address(), "-d", "requestRetries=0", *words, code=code)
        self.seen = site
        return said

    def test_a_login_page(self):
        said = self.says(response("<html><title>Log in</title>").replace(b"application/json", b"text/html"))
        self.assertIn("the answer is not the API's (status 200, text/html): <html><title>Log in", said)

    def test_challenges(self):
        odd = response("no", "401 Unauthorized", 'WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm="a", Digest realm="b", nonce="c"\r\n')
        self.assertIn("the credential is not accepted (status 401", self.says(odd))
        self.assertEqual(self.seen.count("Queue/get"), 1)

    def test_a_chain_of_redirects_is_not_followed(self):
        site = self.site()
        site.plan("*", *[response("", "301 Moved Permanently", "Location: %s\r\n" % site.address(path="/other?token=T"))] * 4)
        said = self.doctor(site.address(), code=1)
        self.assertIn("sends us on to %s (status 301): give its final address" % site.address(path="/other"), said)
        self.assertFalse(any("other" in request.target for request in site.requests))

    def test_an_old_server(self):
        def old(stream, request):
            stream.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b'{"values":[{"name":"aged"}]}')
            return False
        self.assertIn("aged", self.says(old, code=0))

    def test_a_server_that_closes_after_each_answer(self):
        site = self.site(items=10)

        def last(stream, request):
            stream.sendall(response(site.answer(request), headers="Connection: close\r\n"))
            return False

        site.plan("*", *[last] * 1000)
        program = self.start(site.address())
        self.wait(lambda: len(site.ran) == 10, program)
        self.end(program)
        self.assertEqual(sorted(site.ran), list(range(1, 11)))

    def test_a_server_that_closes_kept_connections_without_a_word(self):
        site = self.site(items=10)
        site.plan("Queue/claimItems", lambda stream, request: stream.sendall(response([])) is None, b"")
        program = self.start(site.address())
        self.wait(lambda: len(site.ran) == 10, program)
        self.assertIn("it closes connections that are kept", self.end(program))
        told = [request.connection for request in site.requests if request.what in ("Queue/claimItems", "Queue/runItems")][2:]
        self.assertEqual(len(told), len(set(told)), "each has a connection of its own")
        read = [request.connection for request in site.requests if request.what == "Queue/get"]
        self.assertLess(len(set(read)), len(told))

    def test_compressed_answers(self):
        site = self.site(items=1)
        site.plan("Queue/get", lambda stream, request: stream.sendall(zipped([{"name": "q"}])) is None)
        program = self.start(site.address())
        self.wait(lambda: site.ran == [1], program)
        self.end(program)

    def test_garbage_in_chunks(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertIn("trouble", self.says(head + b"zz\r\nwhat\r\n"))
        self.assertIn("trouble", self.says(head + b"5\r\nab"))
        self.assertIn("trouble", self.says(head + b"ffffffffffffffffff\r\nab"))
        self.assertIn("trouble", self.says(b"\0\1\2 nothing of the sort \r\n\r\n"))
        self.assertIn("not the API's", self.says(b"HTTP/1.1 204 No Content\r\n\r\n"))
        self.assertIn("trouble", self.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello"))

    def test_too_much_of_it(self):
        self.assertIn("the answer is too long", self.says(endless(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"x" * (1 << 20))))
        self.assertIn("the answer is too long", self.says(endless(b"HTTP/1.1 200 OK\r\n", b"X-More: %s\r\n" % (b"y" * 10_000))))

    def test_a_bomb(self):
        self.assertIn("the answer is too long", self.says(zipped(["x" * 100_000_000])))

    def test_an_answer_with_something_around_it(self):
        site = self.site(items=1)
        answer = b'\xef\xbb\xbfNotice {1}\n{ "values": [{"name":"q"}] }<!-- 12 ms -->'
        site.plan("Queue/get", *[lambda stream, request: stream.sendall(response(answer)) is None] * 2)
        program = self.start(site.address())
        self.wait(lambda: site.ran == [1], program)
        log = self.end(program)
        self.assertIn("printed beside the answer: Notice {1}", log)
        self.assertIn("printed beside the answer: <!-- 12 ms -->", log)

    def test_too_slow(self):
        begun = time.monotonic()
        said = self.says(slowly(response([]), 0.05), words=("-d", "requestTimeout=0.5"))
        self.assertIn("timed out", said)
        self.assertLess(time.monotonic() - begun, 60)

    def test_too_slow_to_claim_is_not_asked_twice(self):
        site = self.site(items=1)
        site.plan("Queue/claimItems", lambda stream, request: stream.sendall(response([])) is None,
                  slowly(response([]), 0.2))
        program = self.start(site.address(), "-d", "requestTimeout=2")
        self.wait(lambda: "claim from queue 'q': Operation timed out" in self.log(program), program)
        self.wait(lambda: site.ran == [1], program)
        self.assertNotIn("claimItems: ", self.end(program), "the client does not repeat it")

    def test_a_long_silence_is_kept_alive(self):
        site = self.site()
        asked, go = threading.Event(), threading.Event()

        def waits(stream, request):
            asked.set()
            go.wait(PATIENCE)
            stream.sendall(response([]))
            return True
        site.plan("Queue/get", waits)
        program = self.start(site.address())
        self.wait(asked.is_set, program)
        with open("/proc/net/tcp") as file:
            ours = [line.split() for line in file if re.search(r" 0100007F:%04X 01 " % site.port, line)]
        go.set()
        self.end(program)
        self.assertTrue(ours and all(line[5].startswith("02:") for line in ours), "the kernel's timer is keepalive's: %s" % ours)


class Site(Program):
    """Sites that fail as a whole."""

    def busy(self, stream, request):
        stream.sendall(response("busy", "503 Service Unavailable"))
        return True

    def test_claims_that_always_fail_are_given_up_though_questions_are_answered(self):
        site = self.site(items=1)
        site.plan("Queue/claimItems", lambda stream, request: stream.sendall(response([])) is None, *[self.busy] * 9)
        program = self.start(site.address(), "-d", "failures=3")
        log = self.end_by_itself(program, 1)
        self.assertIn("given up after 3 failures in a row: claim from queue 'q'", log)

    def test_claims_that_fail_now_and_then_are_not(self):
        site = self.site(items=4)
        empty = [lambda stream, request: stream.sendall(response([])) is None]
        site.plan("Queue/claimItems", *empty, *[self.busy] * 2, *empty, *[self.busy] * 2)
        program = self.start(site.address(), "-d", "failures=3")
        self.wait(lambda: len(site.ran) == 4, program)
        self.assertEqual(re.findall("([0-9]) of 3 failures in a row", self.end(program)), ["1", "2", "1", "2"])

    def test_a_stop_does_not_wait_for_a_site_that_does_not_answer(self):
        for what in ("Queue/get", "Queue/claimItems"):
            site = self.site()
            asked, go = threading.Event(), threading.Event()
            self.addCleanup(go.set)
            program = self.start(site.address(), "-d", "stop_grace=0.2", "-d", "requestTimeout=90")
            self.wait(lambda: site.count("Queue/claimItems") > 2, program)

            def waits(stream, request):
                asked.set()
                go.wait(PATIENCE)
            site.plan(what, waits)
            self.wait(asked.is_set, program)
            begun = time.monotonic()
            self.end(program)
            self.assertLess(time.monotonic() - begun, 60)

    def test_a_second_signal_waits_for_nothing(self):
        site = self.site()
        asked, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)
        site.plan("Queue/get", lambda stream, request: asked.set() or go.wait(PATIENCE))
        program = self.start(site.address(), "-d", "stop_grace=90", "-d", "requestTimeout=90")
        self.wait(asked.is_set, program)
        program.terminate()
        self.wait(lambda: "SIGTERM" in self.log(program), program)
        begun = time.monotonic()
        self.wait(lambda: program.terminate() or program.poll() is not None)
        self.end(program)
        self.assertLess(time.monotonic() - begun, 60)


class Rest(Program):
    """Servers that ask to be left alone."""

    def test_within_the_time_of_the_call_it_waits(self):
        site = self.site()
        for status in ("429 Too Many Requests", "503 Service Unavailable"):
            site.plan("Queue/get", lambda stream, request: stream.sendall(response("busy", status, "Retry-After: 1\r\n")) is None)
            begun = time.monotonic()
            said = self.doctor(site.address())
            self.assertIn("status %s" % status[:3], said)
            self.assertIn("it asks to be left alone for 1 s; again in", said)
            self.assertGreaterEqual(time.monotonic() - begun, 1)

    def test_a_longer_one_is_kept_to_between_the_rounds(self):
        site = self.site()
        for headers, least, most in (("Retry-After: 200\r\n", 190, 200), ("Retry-After: 99999999\r\n", 290, 300),
                                     ("Retry-After: Wed, 01 Jan 2098 00:00:00 GMT\r\n", 290, 300),
                                     ("Retry-After: Wed, 01 Jan 1998 00:00:00 GMT\r\n", 0, 1), ("Retry-After: soon\r\n", 0, 1)):
            answer = response("busy", "429 Too Many Requests", headers)
            site.odd = {"*": [lambda stream, request, answer=answer: stream.sendall(answer) is None]}
            program = self.start(site.address(), "-d", "requestTimeout=30", "-d", "requestRetries=0")
            self.wait(lambda: "failures in a row, again in " in self.log(program), program)
            wait = int(re.search("failures in a row, again in ([0-9]+) ms", self.log(program)).group(1)) / 1000
            self.end(program)
            self.assertTrue(least <= wait <= most, (headers, wait))


if __name__ == "__main__":
    main()
