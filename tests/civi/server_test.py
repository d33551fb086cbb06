"""The stand-in itself: it answers as the protocol's description says that CiviCRM does."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

PIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_pipe.py")
GREETING = '{"Civi::pipe":{"v":"5.81.0","t":"trusted","l":["login"]}}'


class Server(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cw-civi-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "site.db")

    def talk(self, *lines, flags="vtl", options=(), code=0, raw=None):
        sent = raw if raw is not None else b"".join(line.encode() + b"\n" for line in lines)
        result = subprocess.run([sys.executable, PIPE, self.file, flags, *options], input=sent, capture_output=True, timeout=60)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout.decode().split("\n")[:-1]

    def answers(self, *lines, **how):
        return self.talk(*lines, **how)[1:]

    def codes(self, *lines, **how):
        return [(json.loads(line).get("error", {}).get("code"), "id" in json.loads(line)) for line in self.answers(*lines, **how)]

    @staticmethod
    def ask(method, params=None, **more):
        return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more})

    def test_Case01_greeting(self):
        self.assertEqual(self.talk(), [GREETING])

    def test_Case02_flags_in_order(self):
        self.assertEqual(self.talk(flags="uxv"), ['{"Civi::pipe":{"u":"untrusted","x":null,"v":"5.81.0"}}'])

    def test_Case03_no_trust(self):
        got = self.answers(self.ask("echo", ["x"], id=1), self.ask("options", id=2), self.ask("api4", ["Queue", "get"], id=3), flags="vj")
        self.assertEqual([json.loads(line).get("error", {}).get("code") for line in got], [None, -32099, -32099])

    def test_Case04_both_trusts(self):
        self.assertNotIn("Civi::pipe", "".join(self.talk(flags="tu", code=255)))

    def test_Case09_echo(self):
        self.assertEqual(self.answers(self.ask("echo", ["x"], id=1)), ['{"jsonrpc":"2.0","result":["x"],"id":1}'])

    def test_Case10_echo_of_nothing(self):
        got = self.answers('{"jsonrpc":"2.0","method":"echo","id":1}', self.ask("echo", None, id=1), self.ask("echo", {}, id=1))
        self.assertEqual(got, ['{"jsonrpc":"2.0","result":[],"id":1}'] * 3)

    def test_Case11_a_request_without_id_is_answered(self):
        self.assertEqual(self.answers(self.ask("echo", ["x"])), ['{"jsonrpc":"2.0","result":["x"]}'])

    def test_Case12_ids_come_back(self):
        got = self.answers(*(self.ask("echo", [], id=each) for each in (None, 0, "x/y", 1.5, True, [1, 2], 1.0, 12345678901234567890)))
        self.assertIn('"id":"x\\/y"', got[2])
        self.assertEqual([json.loads(line)["id"] for line in got], [None, 0, "x/y", 1.5, True, [1, 2], 1, 1.2345678901234567e19])

    def test_Case13_blank_lines_and_zero_are_not_answered(self):
        self.assertEqual(self.answers("", "0", ""), [])

    def test_Case14_a_return_or_a_blank_is_no_json(self):
        self.assertEqual(self.codes("\r", " "), [(-32700, False)] * 2)

    def test_Case15_crlf(self):
        self.assertEqual(len(self.answers(raw=self.ask("echo", ["x"], id=1).encode() + b"\r\n")), 1)

    def test_Case16_the_last_line_needs_no_end(self):
        self.assertEqual(len(self.answers(raw=self.ask("echo", ["x"], id=1).encode())), 1)

    def test_Case17_no_json(self):
        raw = b"hello\nnull\n\xef\xbb\xbf{}\n\"\xff\"\n\"\0\"\n"
        self.assertEqual(self.codes(raw=raw), [(-32700, False)] * 5)

    def test_Case18_no_request(self):
        self.assertEqual(self.codes("true", "123", '""', "[]", "{}", "[null]"), [(-32600, False)] * 6)

    def test_Case19_another_protocol(self):
        got = self.answers('{"method":"echo","id":7}', '{"jsonrpc":"1.0","method":"echo","id":7}')
        self.assertEqual([json.loads(line)["error"]["code"] for line in got], [-32600] * 2)
        self.assertEqual([json.loads(line)["id"] for line in got], [7, 7])
        self.assertEqual(json.loads(got[1])["jsonrpc"], "1.0")

    def test_Case20_no_method(self):
        self.assertEqual(self.codes('{"jsonrpc":"2.0","id":7}'), [(-32600, False)])

    def test_Case21_unknown_methods(self):
        self.assertEqual(self.codes(*(self.ask(name, id=1) for name in ("nope", "Echo", "session.nope", "__construct"))),
                         [(-32601, True)] * 4)

    def test_Case22_params_that_are_no_list(self):
        self.assertEqual(self.codes(self.ask("echo", 123, id=1), self.ask("echo", False, id=1)), [(-32602, True)] * 2)

    def test_Case23_a_batch(self):
        batch = "[%s,%s,%s]" % (self.ask("nope", id="a"), self.ask("echo", [], id="b"), self.ask("echo", []))
        got = json.loads(self.answers(batch)[0])
        self.assertEqual([("error" in each, each.get("id")) for each in got], [(True, "a"), (False, "b"), (False, None)])

    def test_Case24_a_batch_with_a_number(self):
        self.assertEqual(self.codes("[%s,7]" % self.ask("echo", [], id=1)), [(-32099, False)])

    def test_Case25_the_longest_line(self):
        frame = self.ask("echo", [""], id=1)
        line = frame.replace('""', '"' + "x" * (524288 - len(frame)) + '"')
        self.assertEqual(self.codes(line), [(None, True)])
        self.assertEqual(self.codes(line.replace("xx", "xxx", 1)), [(-32700, False)] * 2)

    def test_Case26_a_larger_buffer(self):
        got = self.answers(self.ask("options", {"bufferSize": 2000000}, id=1), self.ask("echo", ["x" * 1500000], id=2))
        self.assertEqual(len(json.loads(got[1])["result"][0]), 1500000)

    def test_Case27_all_options(self):
        self.assertEqual(self.answers(self.ask("options", {}, id=1)),
                         ['{"jsonrpc":"2.0","result":{"apiCheckPermissions":true,"apiError":"exception","bufferSize":524288,'
                          '"responsePrefix":null},"id":1}'])

    def test_Case28_a_prefix_from_its_own_answer_on(self):
        got = self.answers(self.ask("options", {"responsePrefix": "\1\1"}, id=1), self.ask("echo", [], id=2),
                           self.ask("options", {"responsePrefix": None}, id=3))
        self.assertEqual([line[:2] == "\1\1" for line in got], [True, True, False])

    def test_Case31_permissions(self):
        got = self.codes(self.ask("api4", ["Queue", "get"], id=1), self.ask("options", {"apiCheckPermissions": False}, id=2),
                         self.ask("api4", ["Queue", "get"], id=3), self.ask("api4", ["Queue", "get", {"checkPermissions": True}], id=4))
        self.assertEqual([code for code, _ in got], [-32099, None, None, -32099])

    def test_Case32_errors_as_results(self):
        got = self.answers(self.ask("api4", ["System", "zz"], id=1), self.ask("options", {"apiError": "array"}, id=2),
                           self.ask("api4", ["System", "zz"], id=3))
        self.assertEqual(json.loads(got[0])["error"]["code"], -32099)
        self.assertEqual((json.loads(got[2])["result"]["is_error"], json.loads(got[2])["result"]["error_code"]), (1, "not-found"))

    def test_Case34_one_login_a_session(self):
        self.assertEqual(self.codes(self.ask("login", {"contactId": "3"}, id=1), self.ask("login", {"contactId": 4}, id=2)),
                         [(None, True), (-32099, True)])

    def test_Case35_answers_in_order(self):
        got = self.answers(*(self.ask("echo", [n], id=n) for n in (1, 2, 3)))
        self.assertEqual([json.loads(line)["id"] for line in got], [1, 2, 3])


if __name__ == "__main__":
    unittest.main(verbosity=2)
