"""A proxy between coworker and the site: plain, by CONNECT, not for some hosts, and in trouble."""

import base64
import json
import os
import subprocess
import threading

from between import Nginx, Proxy
from servers import response
from web_program import COWORKER, PATIENCE, Program, main

NOBODY = "http://127.0.0.1:1"


class Proxies(Program):
    def proxy(self, **how):
        return self.own(Proxy(**how))

    def fails(self, site, **environment):
        said = self.doctor(site.address(), "-d", "requestRetries=0", code=1, **environment)
        self.assertNotIn("s3cret", said)
        return said

    def test_plain_http(self):
        site, proxy = self.site(items=3), self.proxy()
        self.assertIn("its queues can be run", self.doctor(site.address(), http_proxy=proxy.address()))
        self.assertTrue(all(request.target.startswith(site.address(path="/")) for request in proxy.requests))
        self.assertEqual(len(proxy.requests), len(site.requests))
        program = self.start(site.address(), http_proxy=proxy.address())
        self.wait(lambda: len(site.ran) == 3, program)
        log = self.end(program)
        self.assertEqual(sorted(site.ran), [1, 2, 3])
        self.assertIn("by way of the proxy http://127.0.0.1:%d (http_proxy)" % proxy.port, log)
        self.assertIn("the credential is sent in clear", log)

    def test_https_goes_through_a_tunnel_and_shows_the_proxy_nothing(self):
        site, proxy = self.site(tls=True, items=3), self.proxy(login="me:s3cret")
        program = self.start(site.address(), https_proxy=proxy.address("me:s3cret"))
        self.wait(lambda: len(site.ran) == 3, program)
        log = self.end(program)
        self.assertEqual(sorted(site.ran), [1, 2, 3])
        self.assertTrue(proxy.requests and all(request.method == "CONNECT" for request in proxy.requests))
        self.assertTrue(all(request.headers["x-civi-auth"] == "Bearer T0KEN" for request in site.requests))
        for secret in ("T0KEN", "x-civi-auth"):
            self.assertFalse(any(secret in request.text for request in proxy.requests))
            self.assertNotIn(secret.encode(), proxy.seen)
        self.assertFalse(any("proxy-authorization" in request.headers for request in site.requests))
        for secret in ("s3cret", "T0KEN", base64.b64encode(b"me:s3cret").decode()):
            self.assertNotIn(secret, log)
        self.assertNotIn("in clear", log)

    def test_the_sites_certificate_is_verified_through_a_tunnel(self):
        site, proxy = self.site(tls=True), self.proxy()
        said = self.fails(site, https_proxy=proxy.address(), CURL_CA_BUNDLE="", SSL_CERT_FILE="")
        self.assertIn("certificate", said)
        self.assertIn("webAuthorities", said)
        self.assertEqual(site.requests, [])

    def test_hosts_that_no_proxy_names_are_reached_directly(self):
        site, proxy = self.site(tls=True), self.proxy()
        for names in ("127.0.0.1", "a.example, 127.0.0.0/8", "*"):
            self.doctor(site.address(), https_proxy=proxy.address(), no_proxy=names)
        self.doctor(site.address("localhost"), HTTPS_PROXY=NOBODY, NO_PROXY="localhost")
        self.assertEqual(proxy.requests, [])
        self.doctor(site.address(), https_proxy=proxy.address(), no_proxy="127.0.0.2,example.org")
        self.assertEqual(len(proxy.requests), 1, "one tunnel serves them all")

    def test_one_that_is_not_there(self):
        for site, name in ((self.site(), "http_proxy"), (self.site(tls=True), "https_proxy"), (self.site(tls=True), "ALL_PROXY")):
            said = self.fails(site, **{name: "http://me:s3cret@127.0.0.1:1"})
            self.assertIn("the proxy http://127.0.0.1:1 (%s) cannot be reached" % name, said)
            self.assertIn("mend %s, or name the host in no_proxy" % name, said)
            self.assertEqual(site.requests, [])
        said = self.fails(site, https_proxy="http://no-such-proxy.invalid:3128")
        self.assertIn("the proxy http://no-such-proxy.invalid:3128 (https_proxy) cannot be reached", said)

    def test_one_whose_address_is_none(self):
        site = self.site(tls=True)
        for address in ("ftp://me:s3cret@127.0.0.1:1", "http://me:s3cret@s3cret:x@127.0.0.1:1", "http://me:s3cret/s3cret@127.0.0.1:1",
                        "me:s3cret@127.0.0.1:1"):
            self.assertIn("127.0.0.1:1", self.fails(site, https_proxy=address))

    def test_one_that_wants_a_login(self):
        proxy = self.proxy(login="me:s3cret")
        for site, name in ((self.site(), "http_proxy"), (self.site(tls=True), "https_proxy")):
            said = self.doctor(site.address(), code=1, **{name: proxy.address()})
            self.assertIn("wants to know who we are (status 407): write http://USER:PASSWORD@HOST:PORT", said)
            self.assertIn("(%s)" % name, said)
            self.assertNotIn("again in", said, "it is not asked twice")
            said = self.doctor(site.address(), code=1, **{name: proxy.address("me:s3cret2")})
            self.assertIn("does not accept the user and password", said)
            self.assertNotIn("s3cret", said)
            self.assertEqual(site.requests, [])

    def test_one_that_does_not_lead_there(self):
        site, proxy = self.site(tls=True), self.proxy(refusal="502 Bad Gateway")
        said = self.fails(site, https_proxy=proxy.address())
        self.assertIn("the proxy http://127.0.0.1:%d (https_proxy) does not lead there (status 502)" % proxy.port, said)
        self.assertIn("no_proxy", said)
        self.assertIn("(by way of the proxy", self.fails(self.site(), http_proxy=proxy.address()))

    def test_one_that_refuses_while_we_work_costs_no_task(self):
        site, proxy = self.site(tls=True, items=2), self.proxy(refusal="503 Busy")
        program = self.start(site.address(), "-d", "requestRetries=0", https_proxy=proxy.address())
        self.wait(lambda: "failures in a row" in self.log(program), program)
        proxy.refusal = None
        self.wait(lambda: len(site.ran) == 2, program)
        self.assertNotIn("lost", self.end(program))

    def test_a_tunnel_that_is_refused_to_a_claimed_task_costs_it_nothing(self):
        site, proxy = self.site(tls=True, items=1), self.proxy()

        def last(stream, request):
            proxy.refusal = "503 Busy"
            stream.sendall(response(site.answer(request), headers="Connection: close\r\n"))
        site.plan("Queue/claimItems", lambda stream, request: stream.sendall(response([])) is None, last)
        site.plan("Queue/get", *[lambda stream, request: stream.sendall(response(site.answer(request), headers="Connection: close\r\n"))] * 2)
        program = self.start(site.address(), https_proxy=proxy.address())
        self.wait(lambda: "Queue.runItems: the proxy" in self.log(program), program)
        proxy.refusal = None
        self.wait(lambda: site.ran == [1], program)
        self.assertNotIn("lease", self.end(program))

    def test_one_that_hangs_up_in_the_handshake(self):
        site, proxy = self.site(tls=True), self.proxy(cut=500)
        said = self.fails(site, https_proxy=proxy.address())
        self.assertIn("(by way of the proxy http://127.0.0.1:%d (https_proxy))" % proxy.port, said)

    def test_one_that_hangs_up_in_mid_answer(self):
        site, proxy = self.site(tls=True, items=1), self.proxy()

        def cut(stream, request):
            site.answer(request)
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            proxy.hang_up()
            return False
        site.plan("Queue/get", cut)
        site.plan("Queue/runItems", cut)
        program = self.start(site.address(), https_proxy=proxy.address())
        self.wait(lambda: "the end of their lease" in self.log(program), program)
        log = self.end(program)
        self.assertIn("(by way of the proxy http://127.0.0.1:%d (https_proxy)); again in" % proxy.port, log)
        self.assertEqual(site.ran, [1])
        self.assertEqual(site.count("Queue/runItems"), 1, "it is not sent again")

    def tunnels_die(self, refusal):
        """With a task in each, which the site has begun; what is asked of the proxy next is refused."""
        site, proxy = self.site(tls=True, items=2), self.proxy()
        both = threading.Barrier(2)

        def die(stream, request):
            site.answer(request)
            both.wait(PATIENCE)  # one has a new tunnel, the other one perhaps a kept one
            proxy.refusal = refusal
            proxy.hang_up()
        site.plan("Queue/runItems", die, die)
        program = self.start(site.address(), "-d", "workerCount=2", https_proxy=proxy.address())
        self.wait(lambda: self.log(program).count("the end of their lease") == 2, program)
        self.end(program)
        self.assertEqual(sorted(site.ran), [1, 2], "none ran twice")

    def test_tunnels_that_die_are_no_reason_to_send_again(self):
        self.tunnels_die(None)

    def test_tunnels_that_die_and_cannot_be_had_again_are_none_either(self):
        self.tunnels_die("503 Busy")
        self.tunnels_die("407 Proxy Authentication Required")

    def test_http_workers_name_it_too(self):
        config = os.path.join(self.folder, "coworker.json")
        site = self.site(tls=True)
        with open(config, "w") as file:
            json.dump({"queues": {"q": {"worker": {"type": "http", "address": site.address(path="/civicrm/ajax/api4/Queue/get")}}}}, file)

        def process(proxy):
            ran = subprocess.run([COWORKER, "process", "-c", config, "q", "1"], cwd=self.folder, env={**self.environment, "https_proxy": proxy},
                                 capture_output=True, text=True, timeout=PATIENCE)
            return ran.returncode, ran.stdout + ran.stderr
        code, said = process("http://me:s3cret@127.0.0.1:1")
        self.assertEqual(code, 1, said)
        self.assertIn("the proxy http://127.0.0.1:1 (https_proxy) cannot be reached", said)
        self.assertNotIn("s3cret", said)
        code, said = process(self.proxy(login="me:s3cret").address("me:s3cret"))
        self.assertEqual(code, 0, said)

    def test_before_nginx(self):
        site, proxy = self.site(items=5), self.proxy(login="me:s3cret")
        nginx = self.own(Nginx(self.folder, site.port))
        program = self.start(nginx.address(), https_proxy=proxy.address("me:s3cret"))
        self.wait(lambda: len(site.ran) == 5, program)
        self.end(program)
        self.assertEqual(sorted(site.ran), [1, 2, 3, 4, 5])


if __name__ == "__main__":
    main()
