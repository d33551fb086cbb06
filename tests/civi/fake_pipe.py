#!/usr/bin/env python3
"""A stand-in for `Civi::pipe()`: the protocol, and queues in a SQLite file that processes and programs share.

    fake_pipe.py FILE [FLAGS] [--version V] [--greeting TEXT] [--before TEXT] [--noise TEXT] [--mute] [--domain N]
                      [--no-prefix] [--delay S] [--die-after N] [--starts N]

FLAGS are those of the pipe (default: vtl). Items of a queue say what their task does: ok, fail, exit CODE, kill, sleep S,
noise, stderr TEXT, garbage, twice, unencodable, file PATH (waits until it is there), memory MIB (holds it for a moment).
"""
import json
import os
import re
import signal
import sqlite3
import sys
import time

SCHEMA = """
CREATE TABLE IF NOT EXISTS queue (name TEXT PRIMARY KEY, type TEXT, runner TEXT, batch_limit INT, lease_time INT,
  retry_limit INT, retry_interval INT, status TEXT, error TEXT);
CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT, release_time REAL, run_count INT DEFAULT 0,
  work TEXT, run_as TEXT);
CREATE TABLE IF NOT EXISTS ran (n INTEGER PRIMARY KEY AUTOINCREMENT, id INT, queue TEXT, pid INT, nth INT, contact INT, work TEXT, time REAL);
CREATE TABLE IF NOT EXISTS call (n INTEGER PRIMARY KEY AUTOINCREMENT, pid INT, method TEXT, action TEXT, params TEXT, time REAL);
"""


def connect(file):
    base = sqlite3.connect(file, timeout=60, isolation_level=None)
    base.row_factory = sqlite3.Row
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=OFF")
    base.executescript(SCHEMA)
    return base


class Failure(Exception):
    def __init__(self, message, code=-32099):
        super().__init__(message)
        self.code = code


class Unencodable(Exception):
    pass


def php(value):
    """What is left of a value after PHP has decoded it into arrays."""
    if isinstance(value, dict):
        value = {key: php(each) for key, each in value.items()}
        if not value or list(value) == [str(i) for i in range(len(value))]:
            return list(value.values())
        return value
    if isinstance(value, list):
        return [php(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 63:
        return float(value)
    return value


def encode(value):
    def number(text):
        return text

    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = json.dumps(value, separators=(",", ":"))
    return number(text).replace("/", "\\/")


class Session:
    def __init__(self, options):
        self.options = options
        self.base = connect(options["file"])
        self.trust = None
        self.settings = {"apiCheckPermissions": True, "apiError": "exception", "bufferSize": 524288, "responsePrefix": None}
        self.contact = None
        self.requests = 0
        self.nth = 0
        self.out = os.fdopen(1, "wb", buffering=0, closefd=False)

    # ---- the session

    def write(self, text):
        self.out.write(text.encode())

    def greet(self):
        if self.options["before"]:
            self.write(self.options["before"])
        if self.options["greeting"] is not None:
            return self.write(self.options["greeting"] + "\n")
        members = {}
        for flag in self.options["flags"]:
            if flag in "tu":
                if self.trust not in (None, flag):
                    self.write("PHP Fatal error:  Uncaught Exception: Cannot be trusted and untrusted\n")
                    os._exit(255)
                self.trust = flag
            members[flag] = {"v": self.options["version"], "j": ["jsonrpc-2.0"], "l": [self.options["login"]],
                             "t": "trusted", "u": "untrusted"}.get(flag)
        self.write(encode({"Civi::pipe": members}) + "\n")

    def run(self):
        self.greet()
        if self.options["mute"]:
            sys.stdin.buffer.read()
            return
        pending = b""
        while True:
            part = os.read(0, 1 << 20)
            pending += part
            while b"\n" in pending or len(pending) > self.settings["bufferSize"] or (not part and pending):
                size = self.settings["bufferSize"]
                end = pending.find(b"\n", 0, size + 1)
                if end >= 0:
                    line, pending = pending[:end], pending[end + 1:]
                elif len(pending) > size:
                    line, pending = pending[:size], pending[size:]
                else:
                    line, pending = pending, b""
                self.hear(line)
            if not part:
                return

    def hear(self, line):
        if line in (b"", b"0"):
            return
        answer = self.answer(line)
        if self.options["noise"]:
            self.write(self.options["noise"].replace("\\n", "\n"))
        prefix = "" if self.options["no_prefix"] else self.settings["responsePrefix"] or ""
        self.write(prefix + answer + "\n")

    def answer(self, line):
        try:
            request = json.loads(line.decode("utf-8", "strict"), parse_constant=lambda _: 1 / 0)
            if request is None or b"\0" in line:
                raise ValueError
        except (ValueError, RecursionError, ZeroDivisionError):
            return encode({"jsonrpc": "2.0", "error": self.error(Failure("Parse error", -32700))})
        if isinstance(request, list) and request and request[0] is not None:
            if not all(isinstance(each, (dict, list)) for each in request):
                return encode({"jsonrpc": "2.0", "error": self.error(Failure("bad batch"))})
            return "[" + ",".join(self.single(each) for each in request) + "]"
        return self.single(request)

    @staticmethod
    def error(failure):
        return {"code": failure.code, "message": str(failure), "data": None}

    def single(self, request):
        invalid = Failure("Invalid Request", -32600)
        if not isinstance(request, dict) or request.get("method") is None:
            return encode({"jsonrpc": "2.0", "error": self.error(invalid)})
        answer = {"jsonrpc": "2.0"}
        try:
            if request.get("jsonrpc") != "2.0":
                answer["jsonrpc"] = request.get("jsonrpc") or "2.0"
                raise invalid
            if not isinstance(request["method"], str):
                raise invalid
            answer["result"] = self.call(request["method"], request.get("params"))
        except Failure as failure:
            answer["error"] = self.error(failure)
        except Unencodable:
            return ""
        if "id" in request:
            answer["id"] = php(request["id"])
            if isinstance(request["id"], float) and request["id"].is_integer():
                answer["id"] = int(request["id"])
        return encode(answer)

    def call(self, method, params):
        self.requests += 1
        if self.options["die_after"] and self.requests > self.options["die_after"]:
            sys.stderr.write("out of breath\n")
            os._exit(7)
        name = method.replace(".", "_")
        found = getattr(self, "do_" + name, None) if re.fullmatch("[a-z][a-zA-Z0-9_]*", name) else None
        if found is None:
            raise Failure("Method not found", -32601)
        if params is None:
            params = []
        if not isinstance(params, (list, dict)):
            raise Failure("Invalid params", -32602)
        if method != "echo" and self.trust is None:
            raise Failure("Cannot use this method in a session without trust")
        if self.options["log_calls"]:
            action = ".".join(params[:2]) if method == "api4" and isinstance(params, list) else ""
            self.base.execute("INSERT INTO call (pid, method, action, params, time) VALUES (?,?,?,?,?)",
                              (os.getpid(), method, action, json.dumps(params)[:2000], time.time()))
        return found(params)

    def do_echo(self, params):
        return php(params)

    def do_options(self, params):
        known = {key: value for key, value in dict(params).items() if key in self.settings} if params else {}
        if self.trust == "u":
            known.pop("apiCheckPermissions", None)
        elif params and not known:
            return []
        if "bufferSize" in known:
            known["bufferSize"] = int(known["bufferSize"])
        if self.options["no_prefix"]:
            known.pop("responsePrefix", None)
        self.settings.update(known)
        return known or dict(self.settings)

    def do_login(self, params):
        if self.options["login"] != "login":
            raise Failure("AuthX is not configured")
        contact = int(params.get("contactId") or 0)
        if self.trust != "t":
            raise Failure("Session is not trusted")
        if str(contact) in self.options["no_login"].split(","):
            raise Failure("Contact %d has no account" % contact)
        if self.contact not in (None, contact):
            raise Failure("Cannot login. Session already active.")
        self.contact = contact
        return {"contactId": contact, "userId": None}

    def do_api4(self, params):
        if not isinstance(params, list) or len(params) < 2 or (len(params) > 2 and not isinstance(params[2], (dict, list))):
            raise Failure("api4 takes a list")
        entity, action = params[0], params[1]
        values = dict(params[2]) if len(params) > 2 and params[2] else {}
        check = values.get("checkPermissions")
        if check is None or self.trust == "u":
            check = True if self.trust == "u" else self.settings["apiCheckPermissions"]
        try:
            if check and entity in ("Queue", "QueueItem"):
                raise Failure("Authorization failed")
            found = getattr(self, "%s_%s" % (entity, action), None)
            if found is None:
                raise Failure("Api %s %s version 4 does not exist." % (entity, action))
            return found(values)
        except Failure as failure:
            if self.settings["apiError"] != "array":
                raise
            return {"is_error": 1, "error_message": str(failure), "error_code": "not-found", "entity": entity, "action": action}

    # ---- APIv4

    def Domain_get(self, _):
        return [{"id": self.options["domain"]}]

    def Queue_getFields(self, _):
        return [{"name": name} for name in ("id", "name", "type", "runner", "status", "error")]

    def Queue_get(self, params):
        rows = [dict(row) for row in self.base.execute("SELECT * FROM queue ORDER BY name")]
        for field, operator, *value in params.get("where", []):
            if operator == "=":
                rows = [row for row in rows if row[field] == value[0]]
            elif operator == "IS NOT EMPTY":
                rows = [row for row in rows if row[field]]
        return rows

    def queue(self, name):
        row = self.base.execute("SELECT * FROM queue WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise Failure('Cannot create queue "%s": no type' % name)
        return row

    def Queue_claimItems(self, params):
        if not params.get("queue"):
            raise Failure("Parameter queue is required")
        queue = self.queue(params["queue"])
        if queue["status"] != "active":
            return []
        self.base.execute("BEGIN IMMEDIATE")
        now = time.time()
        if queue["type"] == "Sql":
            rows = self.base.execute("SELECT * FROM item WHERE queue = ? ORDER BY id LIMIT 1", (queue["name"],)).fetchall()
            rows = [row for row in rows if row["release_time"] is None or row["release_time"] < now]
        else:
            rows = self.base.execute("SELECT * FROM item WHERE queue = ? AND (release_time IS NULL OR release_time < ?)"
                                     " ORDER BY id LIMIT ?", (queue["name"], now, queue["batch_limit"])).fetchall()
        for row in rows:
            self.base.execute("UPDATE item SET release_time = ?, run_count = run_count + 1 WHERE id = ?",
                              (now + queue["lease_time"], row["id"]))
        self.base.execute("COMMIT")
        select = params.get("select", ["id", "data", "queue"])
        stubs = [{"id": str(row["id"]), "queue": row["queue"], "data": row["work"],
                  "run_as": json.loads(row["run_as"]) if row["run_as"] else None} for row in rows]
        return [{key: value for key, value in stub.items() if key in select} for stub in stubs]

    def QueueItem_get(self, params):
        ids = [int(each) for each in params["where"][0][2]]
        return [dict(id=row["id"], run_count=row["run_count"]) for row in
                self.base.execute("SELECT * FROM item WHERE id IN (%s)" % ",".join("?" * len(ids)), ids)]

    def QueueItem_update(self, params):
        values = params["values"]
        release = values.get("release_time")
        if release is not None:
            release = time.time() + float(re.fullmatch(r"\+(\d+) seconds", release).group(1))
        where = {row[0]: row[2] for row in params["where"]}
        self.base.execute("UPDATE item SET run_count = ?, release_time = ? WHERE id = ? AND run_count = ?",
                          (values["run_count"], release, int(where["id"]), where["run_count"]))
        return []

    def Queue_runItems(self, params):
        items = params.get("items")
        if not isinstance(items, list) or not items or any("id" not in item or "queue" not in item for item in items):
            raise Failure("runItems needs items, each with id and queue")
        if len({item["queue"] for item in items}) != 1:
            raise Failure("All items must be of one queue")
        queue = self.queue(items[0]["queue"])
        ids = [int(item["id"]) for item in items]
        rows = self.base.execute("SELECT * FROM item WHERE id IN (%s) ORDER BY id" % ",".join("?" * len(ids)), ids).fetchall()
        if not rows:
            self.write("\nWarning: Trying to access array offset on null\n")
            raise Failure("TypeError: item is null")
        self.nth += 1
        outcomes, stopped = [], False
        for row in rows:
            if stopped:
                self.base.execute("UPDATE item SET run_count = run_count - 1, release_time = NULL WHERE id = ?", (row["id"],))
                outcomes.append((row, "relinquish"))
                continue
            outcome = self.run_item(queue, row)
            stopped = outcome == "abort"
            outcomes.append((row, outcome))
        return [{"outcome": outcome, "item": {"id": str(row["id"]), "queue": row["queue"]}} for row, outcome in outcomes]

    def run_item(self, queue, row):
        good = False
        if row["run_count"] <= 1 + queue["retry_limit"]:
            run_as = json.loads(row["run_as"]) if row["run_as"] else None
            allowed = run_as is None or not run_as.get("contactId") or run_as["contactId"] == self.contact
            good = allowed and self.work(row)
        if good:
            self.base.execute("DELETE FROM item WHERE id = ?", (row["id"],))
            return "ok"
        outcome = "retry" if queue["retry_limit"] + 1 > row["run_count"] else queue["error"]
        if outcome == "delete":
            self.base.execute("DELETE FROM item WHERE id = ?", (row["id"],))
            return outcome
        release = time.time() + queue["retry_interval"] if queue["retry_interval"] else None
        self.base.execute("UPDATE item SET release_time = ? WHERE id = ?", (release, row["id"]))
        if outcome == "abort":
            self.base.execute("UPDATE queue SET status = 'aborted' WHERE name = ?", (queue["name"],))
        return outcome

    def work(self, row):
        self.base.execute("INSERT INTO ran (id, queue, pid, nth, contact, work, time) VALUES (?,?,?,?,?,?,?)",
                          (row["id"], row["queue"], os.getpid(), self.nth, self.contact, row["work"], time.time()))
        word, _, rest = row["work"].partition(" ")
        if word == "fail":
            return False
        if word == "exit":
            self.write("Fatal error: out of memory")
            os._exit(int(rest or 0))
        if word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "sleep":
            time.sleep(float(rest))
        if word == "file":
            while not os.path.exists(rest):
                time.sleep(0.01)
        if word == "memory":
            len(b"x" * (int(rest) << 20))
        if word == "noise":
            self.write("a line of somebody's\nand no end of line, {\"jsonrpc\":")
        if word == "stderr":
            sys.stderr.write(rest + "\n")
            sys.stderr.flush()
        if word == "garbage":
            self.write((self.settings["responsePrefix"] or "") + '{"jsonrpc":"2.0","result":[],"id":99999}\n')
            time.sleep(60)
        if word == "twice":
            self.write((self.settings["responsePrefix"] or "") + '{"jsonrpc":"2.0","result":[],"id":99999}\n')
        if word == "unencodable":
            raise Unencodable
        return True


def options_of(words):
    options = {"file": None, "flags": "vtl", "version": "5.81.0", "greeting": None, "before": "", "noise": "", "mute": False,
               "login": "login", "no_login": "", "domain": 1, "no_prefix": False, "delay": 0.0, "die_after": 0, "starts": 0,
               "log_calls": False}
    positional = []
    words = list(words)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            positional.append(word)
            continue
        name = word[2:].replace("-", "_")
        kind = type(options[name])
        options[name] = True if kind is bool else (words.pop(0) if kind in (str, type(None)) else kind(words.pop(0)))
    options["file"] = positional[0]
    if len(positional) > 1:
        options["flags"] = positional[1]
    return options


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options = options_of(sys.argv[1:])
    options["before"] = options["before"].replace("\\n", "\n")
    time.sleep(options["delay"])
    if options["starts"]:
        # From the n-th start on it fails.
        with open(options["file"] + ".starts", "a+") as file:
            file.write("x")
            file.flush()
            if file.tell() >= options["starts"]:
                sys.stderr.write("this start fails\n")
                sys.exit(3)
    try:
        Session(options).run()
    except BrokenPipeError:
        os._exit(255)


if __name__ == "__main__":
    main()
