"""Shows on small samples that every check finds what it is there for, and nothing else."""

import unittest

import coroutines
import layers
import names
import source
import words

TABLE = layers.rooms("""
cw_room(base LINK tl::expected)
cw_room(job DEPENDS base LINK Boost::json)
cw_room(engine DEPENDS job base)
cw_room(async THREADED DEPENDS base)
cw_room(net THREADED DEPENDS job async base)
""")


class Layers(unittest.TestCase):
    def found(self, path, text):
        return [complaint for _, complaint in layers.check(path, text, TABLE)]

    def test_table_is_read(self):
        self.assertEqual(TABLE["net"], {"net", "job", "async", "base"})
        self.assertEqual(TABLE["job"], {"job", "base"})

    def test_circle_is_found(self):
        self.assertEqual(layers.loops(TABLE), [])
        self.assertEqual(layers.loops({"a": {"a", "b"}, "b": {"b", "a"}}), ["a", "b"])

    def test_good(self):
        self.assertEqual(self.found("src/net/a.cc", '#include "job/id.h"\n#include <boost/asio/awaitable.hpp>\n'), [])
        self.assertEqual(self.found("src/job/a.cc", "#include <chrono>\n#include <string>\n"), [])
        self.assertEqual(self.found("src/engine/a_test.cc", "#include <random>\n"), [])
        self.assertEqual(self.found("include/coworker/a.h", '#include "coworker/b.h"\n#include <string>\n'), [])
        self.assertEqual(self.found("include/coworker/asio.h", "#include <boost/asio/awaitable.hpp>\n"), [])

    def test_bad(self):
        for path, text in (
                ("src/job/a.cc", '#include "net/session.h"\n'),
                ("src/base/a.h", '#include "job/id.h"\n'),
                ("src/job/a_test.cc", '#include "engine/state.h"\n'),
                ("src/engine/a.cc", "#include <thread>\n"),
                ("src/engine/a.cc", "#include <sys/stat.h>\n"),
                ("src/engine/a.cc", "auto now = std::chrono::steady_clock::now();\n"),
                ("src/base/a.cc", "#include <boost/asio/io_context.hpp>\n"),
                ("src/net/a.cc", '#include "session.h"\n'),
                ("src/odd/a.cc", "\n"),
                ("include/coworker/a.h", "#include <boost/json.hpp>\n"),
                ("include/coworker/a.h", '#include "job/id.h"\n')):
            self.assertTrue(self.found(path, text), f"{path}: {text}")


class Coroutines(unittest.TestCase):
    def found(self, text, path="src/net/a.cc"):
        return [complaint for _, complaint in coroutines.check(path, text)]

    def test_good(self):
        for text in (
                "Task<> f() { co_await g(); }",
                "Task<> f() { const auto x = co_await g(1, h(2)); }",
                "Task<> f() { auto [error, size] = co_await socket_.async_read_some(buffer, token); }",
                "Task<int> f() { co_return co_await g(); }",
                "Task<> f() { x.y = co_await g(); names[3] = co_await g(); }",
                "Task<> f() { static_cast<void>(co_await g()); }",
                "Task<> f() { if (Result<> r = co_await g(); !r) co_return; }",
                "Task<> f() { if (ready) co_await g(); else co_await h(); }",
                "Task<> f() { for (;;) { co_await g(); } }",
                "Task<> f() { while (open_) co_await g(); }",
                "Task<> f() { switch (a) { case 1: co_await g(); break; default: co_await h(); } }",
                "void f() { run([this] { close(); }); }",
                "void f() { spawn([](int x) -> Task<> { co_await g(x); }); }",
                "Task<> f() { auto each = [&](int x) { return x + y; }; co_await g(each); }",
                "// co_await a + co_await b, detached\nint x;",
                'const char* text = "co_await {} ? detached";'):
            self.assertEqual(self.found(text), [], text)

    def test_bad(self):
        for text in (
                "Task<> f() { use(co_await g()); }",
                "Task<> f() { if (co_await g()) stop(); }",
                "Task<> f() { while (!co_await g()) {} }",
                "Task<> f() { int x = 1 + co_await g(); }",
                "Task<> f() { auto x = (co_await g()).value(); }",
                "Task<> f() { auto x = co_await g() + co_await h(); }",
                "Task<> f() { co_await g(Request{1, 2}); }",
                "Task<> f() { co_await g({1, 2}); }",
                "Task<> f() { co_await g([this] { return 1; }); }",
                "Task<> f() { co_await g(a ? b : c); }",
                "Task<> f() { auto x = a ? co_await g() : h(); }",
                "void f() { spawn([this]() -> Task<> { co_await g(); }); }",
                "void f() { auto x = [&] { co_return; }; }",
                "void f() { co_spawn(loop, g(), net::detached); }"):
            self.assertTrue(self.found(text), text)

    def test_rooms_without(self):
        self.assertTrue(self.found("Task<> f() { co_return; }", "src/engine/a.cc"))

    def test_gate_may_detach(self):
        self.assertEqual(self.found("void f() { co_spawn(loop, g(), net::detached); }", "src/async/gate.cc"), [])


class Names(unittest.TestCase):
    def found(self, path, text="#pragma once\n", exceptions=frozenset()):
        return [complaint for _, complaint in names.check(path, text, exceptions)]

    def test_good(self):
        self.assertEqual(self.found("src/net/reply_queue.h"), [])
        self.assertEqual(self.found("src/net/a.cc", "void f() {\n" + "  g();\n" * 58 + "}\n"), [])
        self.assertEqual(self.found("src/net/a.cc", "#define F \\\n  f(1)\nnamespace n {\n" + "int x;\n" * 80 + "}\n"), [])
        self.assertEqual(self.found("src/net/a.cc", "int x;\n" * 401, {("src/net/a.cc", "length")}), [])

    def test_bad(self):
        self.assertTrue(self.found("src/net/ReplyQueue.h"))
        self.assertTrue(self.found("src/net/string_util.h"))
        self.assertTrue(self.found("src/net/a.h", "int x;\n"))
        self.assertTrue(self.found("src/net/a.cc", "int x;\n" * 401))
        self.assertTrue(self.found("src/net/a.h", "#pragma once\n" * 201))
        self.assertTrue(self.found("src/net/a.cc", "namespace n {\nvoid f() {\n" + "  g();\n" * 59 + "}\n}\n"))
        self.assertTrue(self.found("src/net/a.cc", "void A::f(int x) const noexcept {\n" + "  g();\n" * 59 + "}\n"))

    def test_exception_needs_a_reason(self):
        self.assertEqual(names.allowed("# list\nsrc/a.cc length one table\n"), {("src/a.cc", "length")})
        with self.assertRaises(ValueError):
            names.allowed("src/a.cc length\n")


class Words(unittest.TestCase):
    def found(self, text, path="docs/a.md"):
        return [complaint for _, complaint in words.check(path, text)]

    def test_good(self):
        self.assertEqual(self.found("Plain text.\nwork/main and /workers/ and $HOME/root/x\n"), [])

    def test_bad(self):
        for text in ("TO" "DO: later\n", "see /wo" "rk/main\n", "in /home/" "anna/x\n", "<<<<<<" "< HEAD\n", "tail \n",
                     "a\r\n", "no end"):
            self.assertTrue(self.found(text), text)


class Source(unittest.TestCase):
    def test_literals_and_comments_are_blanked_in_place(self):
        code = 'int a; // "x\nconst char* b = "y{"; int c = 1\'000; char d = \'{\'; auto e = R"z(q"{)z";\n'
        blank = source.without_text(code)
        self.assertEqual(len(blank), len(code))
        self.assertNotIn("{", blank)
        self.assertIn("1'000", blank)
        self.assertIn("int c", blank)


if __name__ == "__main__":
    unittest.main()
