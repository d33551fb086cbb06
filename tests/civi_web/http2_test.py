"""nginx before the site, with HTTP/2 on its TLS port and without: kept connections, their ends, and ones that fall silent."""

import threading

from between import Line, Nginx
from servers import response
from web_program import Program, main


class BeforeNginx(Program):
    http2 = True

    def nginx(self, site, directives=""):
        return self.own(Nginx(self.folder, site.port, directives, self.http2))

    def works(self, site, nginx, *words):
        program = self.start(nginx.address(), *words)
        self.wait(lambda: len(site.ran) == len(set(site.ran)) == self.items, program)
        return self.end(program)

    def test_each_task_is_done_once_and_connections_are_kept(self):
        self.items = 40
        site = self.site(items=40)
        self.works(site, self.nginx(site), "-d", "workerCount=4")
        self.assertEqual({request.headers["x-version"] for request in site.requests}, {"HTTP/1.1"})
        ports = {request.headers["x-port"] for request in site.requests}
        self.assertLessEqual(len(ports), 5, "one for each that runs, and one for the questions")

    def test_several_calls_are_open_at_the_same_time(self):
        self.items = 4
        site = self.site(items=4)
        barrier = threading.Barrier(4)

        def together(stream, request):
            barrier.wait(60)
            stream.sendall(response(site.answer(request)))
            return True
        site.plan("Queue/runItems", *[together] * 4)
        self.works(site, self.nginx(site, "http2_max_concurrent_streams 1;"), "-d", "workerCount=4")

    def test_the_server_ends_kept_connections(self):
        self.items = 30
        site = self.site(items=30)
        log = self.works(site, self.nginx(site, "keepalive_requests 3;"), "-d", "workerCount=3")
        self.assertNotIn("lease", log)
        self.assertGreater(len({request.headers["x-port"] for request in site.requests}), 20)

    def test_the_server_is_reloaded_while_tasks_run(self):
        self.items = 10
        site = self.site(items=10)
        nginx = self.nginx(site)

        def reload(stream, request):
            nginx.reload()  # ends what is idle at once, and this one with its answer
            stream.sendall(response(site.answer(request)))
            return True
        site.plan("Queue/runItems", *[reload] * 4)
        log = self.works(site, nginx, "-d", "workerCount=1")
        self.assertEqual(site.count("Queue/runItems"), 10)
        self.assertNotIn("lease", log)

    def test_an_answer_that_breaks_off_is_named_and_only_reads_are_repeated(self):
        site = self.site(items=2)
        half = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n" + b"{" * 50_000
        site.plan("Queue/get", half)
        site.plan("Queue/runItems", half)
        program = self.start(self.nginx(site).address())
        self.wait(lambda: len(site.ran) == 1, program)
        self.wait(lambda: "wait for the end of their lease" in self.log(program), program)
        log = self.end(program)
        self.assertIn("Queue.get: ", log)
        self.assertIn("; again in ", log)
        self.assertIn("bytes remaining to read", log)
        self.assertEqual(site.count("Queue/runItems"), 2, "one for each task")
        site.plan("Queue/claimItems", half)
        claims = site.count("Queue/claimItems")
        self.assertIn("transfer closed", self.doctor(self.nginx(site).address(), code=1))
        self.assertEqual(site.count("Queue/claimItems"), claims + 1)

    def test_a_connection_that_falls_silent_is_given_up_with_its_request(self):
        site = self.site()
        nginx = self.nginx(site)
        line = self.own(Line(nginx.port))
        program = self.start("https://127.0.0.1:%d/civicrm" % line.port, "-d", "requestTimeout=2")
        self.wait(lambda: site.count("Queue/claimItems") > 2, program)
        line.go_silent()
        before = len(site.requests)
        self.wait(lambda: len(site.requests) > before + 3, program)
        self.assertIn("timed out", self.end(program))


class BeforeNginxWithoutHttp2(BeforeNginx):
    http2 = False


if __name__ == "__main__":
    main()
