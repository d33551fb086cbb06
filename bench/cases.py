"""What is measured, and against what."""

import dataclasses
import os
import statistics
import subprocess
import time

import running
from measure import in_turns, run, seconds_of


@dataclasses.dataclass(frozen=True)
class Settings:
    turns: int
    seconds: float  # the longest a measurement runs
    waiting: int    # jobs of the backlog


def _load(servers, settings, dialect, server, mode, *more):
    return run([servers.program("bench_load"), dialect, server.address, mode, "--jobs", "10000000",
                "--seconds", str(settings.seconds), *more])


def _rate(servers, settings, dialect, server, mode):
    return lambda: _load(servers, settings, dialect, server, mode)["rate"]


def _times(ours, theirs):
    return f"{ours / theirs:.2f} x"


def _share(ours, limit):
    return f"{100 * ours / limit:.1f} %"


def pipeline(servers, settings, table):
    synced = servers.coworker("--acks", "commit")
    plain = servers.coworker()
    redis, beanstalkd, noop = servers.redis(), servers.beanstalkd(), servers.noop()
    rates = in_turns({
        "coworker, acks synced": _rate(servers, settings, "disque", synced, "pipeline"),
        "coworker": _rate(servers, settings, "disque", plain, "pipeline"),
        "redis": _rate(servers, settings, "streams", redis, "pipeline"),
        "beanstalkd": _rate(servers, settings, "beanstalk", beanstalkd, "pipeline"),
        "no-op": _rate(servers, settings, "disque", noop, "pipeline"),
    }, settings.turns)
    ours = rates["coworker, acks synced"]
    table.heading("Pipeline: one connection, 1,000 adds, 1,000 claims of one job, 1,000 acks of one job")
    table.row("coworker, commit, acks synced", ours, "jobs/s")
    table.row("coworker, commit (default acks)", rates["coworker"], "jobs/s")
    table.row("Redis Streams, appendfsync always", rates["redis"], "jobs/s", _times(ours, rates["redis"]),
              ("ours >= 4 x", ours >= 4 * rates["redis"]))
    table.row("beanstalkd -b -f 0", rates["beanstalkd"], "jobs/s", _times(ours, rates["beanstalkd"]),
              ("ours >= 20 x", ours >= 20 * rates["beanstalkd"]))
    table.row("no-op RESP server (limit)", rates["no-op"], "jobs/s", _share(ours, rates["no-op"]))
    table.row("  share of it with default acks", rates["coworker"], "jobs/s", _share(rates["coworker"], rates["no-op"]))


def batch(servers, settings, table):
    synced, plain = servers.coworker("--acks", "commit"), servers.coworker()
    redis, noop = servers.redis(), servers.noop()
    rates = in_turns({
        "coworker, acks synced": _rate(servers, settings, "disque", synced, "batch"),
        "coworker": _rate(servers, settings, "disque", plain, "batch"),
        "redis": _rate(servers, settings, "streams", redis, "batch"),
        "no-op": _rate(servers, settings, "disque", noop, "batch"),
    }, settings.turns)
    ours = rates["coworker, acks synced"]
    table.heading("Batch: one connection, 1,000 adds, one claim of 1,000 jobs, one ack of 1,000 jobs")
    table.row("coworker, commit, acks synced", ours, "jobs/s")
    table.row("coworker, commit (default acks)", rates["coworker"], "jobs/s")
    table.row("Redis Streams, appendfsync always", rates["redis"], "jobs/s", _times(ours, rates["redis"]))
    table.row("no-op RESP server (limit)", rates["no-op"], "jobs/s", _share(ours, rates["no-op"]))


def parallel(servers, settings, table):
    synced, plain = servers.coworker("--acks", "commit"), servers.coworker()
    redis, beanstalkd, noop = servers.redis(), servers.beanstalkd(), servers.noop()
    rates = in_turns({
        "coworker, acks synced": _rate(servers, settings, "disque", synced, "parallel"),
        "coworker": _rate(servers, settings, "disque", plain, "parallel"),
        "redis": _rate(servers, settings, "streams", redis, "parallel"),
        "beanstalkd": _rate(servers, settings, "beanstalk", beanstalkd, "parallel"),
        "no-op": _rate(servers, settings, "disque", noop, "parallel"),
    }, settings.turns)
    ours = rates["coworker, acks synced"]
    table.heading("Parallel: 64 connections, each add, claim, ack, one request at a time")
    table.row("coworker, commit, acks synced", ours, "jobs/s")
    table.row("coworker, commit (default acks)", rates["coworker"], "jobs/s")
    table.row("Redis Streams, appendfsync always", rates["redis"], "jobs/s", _times(ours, rates["redis"]),
              ("ours ahead", ours > rates["redis"]))
    table.row("beanstalkd -b -f 0", rates["beanstalkd"], "jobs/s", _times(ours, rates["beanstalkd"]))
    table.row("no-op RESP server (limit)", rates["no-op"], "jobs/s", _share(ours, rates["no-op"]))


def _record_bytes(servers, settings):
    """What one add puts into the journal."""
    folder, _ = servers.fresh("record")
    result = run([servers.program("bench_store"), "add", os.path.join(folder, "data"), "--jobs", "20000",
                  "--seconds", str(settings.seconds)])
    return max(1, round(result["written"] / result["rounds"] / 1000))


def latency(servers, settings, table):
    plain, redis, noop = servers.coworker(), servers.redis(), servers.noop()
    bytes_each = _record_bytes(servers, settings)
    limit = servers.sync(bytes_each)

    def percentiles(dialect, server):
        def measured():
            result = _load(servers, settings, dialect, server, "latency")
            return result["p50"], result["p99"]
        return measured
    times = in_turns({
        "coworker": percentiles("disque", plain), "round trip and sync": percentiles("disque", limit),
        "redis": percentiles("streams", redis), "round trip": percentiles("disque", noop),
    }, settings.turns)
    table.heading("Latency: one connection, one add at a time")
    ours, floor = times["coworker"], times["round trip and sync"]
    table.row("coworker, commit: median", ours[0], "us")
    table.row("coworker, commit: 99th percentile", ours[1], "us")
    table.row(f"round trip and sync of {bytes_each} bytes: median", floor[0], "us", _times(ours[0], floor[0]),
              ("ours <= 1.3 x", ours[0] <= 1.3 * floor[0]))
    table.row("  99th percentile", floor[1], "us", _times(ours[1], floor[1]))
    table.row("Redis Streams, appendfsync always: median", times["redis"][0], "us", _times(ours[0], times["redis"][0]))
    table.row("  99th percentile", times["redis"][1], "us", _times(ours[1], times["redis"][1]))
    table.row("round trip alone: median", times["round trip"][0], "us")


def in_process(servers, settings, table):
    limits, store = servers.program("bench_limits"), servers.program("bench_store")
    written = {}

    def ours(mode):
        def measured():
            folder, _ = servers.fresh(mode)
            result = run([store, mode, os.path.join(folder, "data"), "--jobs", "10000000",
                          "--seconds", str(settings.seconds)])
            written[mode] = round(result["written"] / result["rounds"])
            return result["rate"]
        return measured

    def bare(mode, how="append"):
        def measured():
            folder, _ = servers.fresh("append")
            writes = max(50, int(500 * settings.seconds))
            result = run([limits, how, os.path.join(folder, "log"), str(writes), str(written[mode]), "1"])
            return 1000 * writes / result["seconds"]
        return measured
    rates = in_turns({"add": ours("add"), "bare add": bare("add"), "over add": bare("add", "overwrite"),
                      "cycle": ours("cycle"), "bare cycle": bare("cycle"), "over cycle": bare("cycle", "overwrite")},
                     settings.turns)
    table.heading("In process: store/embedded, batches of 1,000, against one write and one sync of the same bytes a batch")
    for mode, text in (("add", "add"), ("cycle", "add, claim, ack")):
        ratio = rates[mode] / rates["bare " + mode]
        table.row(f"coworker, commit: {text}", rates[mode], "jobs/s")
        table.row(f"bare append and sync of {written[mode] / 1000:.0f} bytes a job", rates["bare " + mode], "jobs/s",
                  _share(rates[mode], rates["bare " + mode]), (">= 50 %", ratio >= 0.5))
        table.row("  the same over and over in one file", rates["over " + mode], "jobs/s",
                  _share(rates[mode], rates["over " + mode]))


def waiting(servers, settings, table):
    folder, _ = servers.fresh("waiting")
    result = run([servers.program("bench_store"), "backlog", os.path.join(folder, "data"), "--jobs",
                  str(settings.waiting), "--seconds", str(settings.seconds)])
    share = result["full_rate"] / result["empty_rate"]
    allowed = 15 * settings.waiting / 10_000_000
    table.heading(f"Backlog: {settings.waiting:,} waiting jobs in process, durability none (so that no sync hides the index)")
    table.row("index", result["index_bytes"], "bytes/job", "", ("<= 96 and names", result["index_bytes"] <= 96))
    table.row("resident memory grew by", result["resident_bytes"], "bytes/job")
    table.row("disk", result["disk_bytes"], "bytes/job")
    table.row("add, claim, ack before an empty queue", result["empty_rate"], "jobs/s")
    table.row("add, claim, ack with the jobs waiting", result["full_rate"], "jobs/s", f"{100 * share:.1f} %",
              (">= 80 %", share >= 0.8))
    table.row("adding them", result["add_rate"], "jobs/s")
    table.row("opening the store again", result["open_seconds"], "s", "",
              (f"< {allowed:.2g} s for so many", result["open_seconds"] < allowed))


def start(servers, settings, table):
    count = 1000 if settings.turns > 1 else 100

    def starts(*command):
        return lambda: count / run([servers.program(command[0]), *command[1:]])["seconds"]
    rates = in_turns({"ours": starts("bench_spawn", str(count), "/bin/true"),
                      "bare": starts("bench_limits", "exec", str(count), "/bin/true")}, settings.turns)
    ours, bare = rates["ours"], rates["bare"]
    table.heading("Processes")
    table.row("proc::spawn of /bin/true, to its end", ours, "1/s")
    table.row("bare vfork, exec and wait of /bin/true (limit)", bare, "1/s", _share(ours, bare),
              (">= 90 %", ours >= 0.9 * bare))
    program = servers.program("coworker")
    count = min(count, 200)
    seconds = {"version": [], "true": []}
    for _ in range(count):
        seconds["version"].append(seconds_of([program, "--version"]))
        seconds["true"].append(seconds_of(["/bin/true"]))
    ours = 1000 * statistics.median(seconds["version"])
    nothing = 1000 * statistics.median(seconds["true"])
    direct = run([servers.program("bench_limits"), "exec", str(count), program, "--version"])
    each = 1000 * direct["seconds"] / count
    table.row("coworker --version, by vfork and exec", each, "ms", "", ("<= 2.5 ms", each <= 2.5))
    table.row("coworker --version, by Python's subprocess", ours, "ms")
    table.row("/bin/true, by Python's subprocess", nothing, "ms")


def workers(servers, settings, table):
    program = servers.program("bench_workers")
    count = 1000 if settings.turns > 1 else 100

    def rate(*command, jobs=count):
        def measured():
            return jobs / run([str(word) for word in command])["seconds"]
        return measured

    def xargs():
        command = f"seq {count} | xargs -P2 -n1 /bin/true"
        return count / seconds_of(["sh", "-c", command])

    def bare_exec():
        command = [servers.program("bench_limits"), "exec", str(count // 2), "/bin/true"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as other:
            start = time.perf_counter()
            run(command)
            other.wait()
            return count / (time.perf_counter() - start)
    trips = 20 * count
    rates = in_turns({
        "ping-pong": rate(program, "bare", trips, jobs=trips), "pipe": rate(program, "pipe", trips, jobs=trips),
        "isolated": rate(program, "isolated", count, 1), "true": rate(program, "command", count, 1, "/bin/true"),
        "command": rate(program, "command", count, 2, "/bin/true"),
        "bare exec": bare_exec, "xargs": xargs,
    }, settings.turns)
    table.heading("Workers: empty jobs, in process")
    table.row("pipe worker, one process", rates["pipe"], "jobs/s", _share(rates["pipe"], rates["ping-pong"]),
              (">= 70 %", rates["pipe"] >= 0.7 * rates["ping-pong"]))
    table.row("bare ping-pong over two pipes (limit)", rates["ping-pong"], "1/s")
    table.row("isolated, one at a time", 1000 / rates["isolated"], "ms", "", ("<= 2.5 ms", rates["isolated"] >= 400))
    table.row("command /bin/true, one at a time", 1000 / rates["true"], "ms")
    table.row("command /bin/true, two at a time", rates["command"], "jobs/s",
              _share(rates["command"], rates["bare exec"]), (">= 90 %", rates["command"] >= 0.9 * rates["bare exec"]))
    table.row("bare vfork, exec and wait, two at a time (limit)", rates["bare exec"], "1/s")
    table.row("xargs -P2 -n1 /bin/true", rates["xargs"], "1/s", _times(rates["command"], rates["xargs"]),
              ("ours ahead", rates["command"] > rates["xargs"]))


def service(servers, settings, table):
    quick = settings.turns == 1
    rate = statistics.median(running.jobs_a_second(servers, 20_000 if quick else 300_000)
                             for _ in range(min(settings.turns, 3)))
    table.heading("coworker run: two consumers, an embedded store, commit")
    table.row("empty inline jobs, end to end", rate, "jobs/s", "", (">= 100,000", rate >= 100_000))
    count = 5 if quick else 100
    for what, times, aim in (
            ("add to start, one at a time", running.add_to_start(servers, count), None),
            ("SIGKILL of a worker with children to its job's start", running.death_to_start(servers, count, True), 50),
            ("SIGKILL of a consumer to its job's start", running.death_to_start(servers, count, False), 50)):
        p99 = running.share(times, 0.99) / 1e6
        table.row(f"{what}, p50", running.share(times, 0.5) / 1e6, "ms")
        table.row(f"{what}, p99", p99, "ms", "", aim and (f"< {aim} ms", p99 < aim))


def _certificate(servers):
    """A file with a key and a certificate that signs itself."""
    path = os.path.join(servers.folder, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=bench", "-days", "2", "-keyout", path, "-out", path + ".crt"],
                   check=True, stderr=subprocess.DEVNULL)
    with open(path, "a") as file, open(path + ".crt") as certificate:
        file.write(certificate.read())
    return path


def channels(servers, settings, table):
    program = servers.program("bench_channels")
    seconds, count = str(settings.seconds), "200" if settings.turns > 1 else "20"
    cores = str(max(2, os.cpu_count() or 2))

    def rate(*words):
        return lambda: run([program, *words])["rate"]
    certificate = _certificate(servers)
    rates = in_turns({
        "bare": rate("pingpong", seconds, "100"), "served": rate("served", seconds, "100"),
        "tcp": rate("tls", seconds, "100", "1"), "tls": rate("tls", seconds, "100", "1", certificate),
        "tls large": rate("tls", seconds, "65536", "4", certificate),
        "dedicated": rate("dedicated", seconds, "100"),
        "pool2": rate("pool", seconds, "100", "2"), "pool": rate("pool", seconds, "100", cores),
        "shared1": rate("shared", seconds, "100", "1"), "shared10": rate("shared", seconds, "100", "10"),
        "shared100": rate("shared", seconds, "100", "100"), "large": rate("stream", seconds, "65536"),
        "large bare": rate("pingpong", seconds, "65536"), "large pool": rate("pool", seconds, "65536", "2"),
        "start": rate("start", count), "exec": rate("exec", count), "cold": rate("cold", count),
    }, settings.turns)
    table.heading("Masters and workers: messages of 100 bytes and back; aims beside the limit are 5 x EXSyst Worker")
    bare, dedicated = rates["bare"], rates["dedicated"]
    table.row("two pipes, bare (limit)", bare, "1/s")
    table.row("dedicated worker", dedicated, "1/s", _share(dedicated, bare), (">= 70 %", dedicated >= 0.7 * bare))
    table.row("  the same", dedicated, "1/s", "", (">= 55,000", dedicated >= 55_000))
    table.row("pool of 2", rates["pool2"], "1/s", "", (">= 70,000", rates["pool2"] >= 70_000))
    table.row(f"pool of {cores}", rates["pool"], "1/s")
    table.row("unix socket and epoll, bare (limit)", rates["served"], "1/s")
    table.row("shared worker, 1 master", rates["shared1"], "1/s", _share(rates["shared1"], rates["served"]), (">= 39,500", rates["shared1"] >= 39_500))
    table.row("shared worker, 10 masters", rates["shared10"], "1/s")
    table.row("shared worker, 100 masters", rates["shared100"], "1/s")
    table.row("the same over TCP", rates["tcp"], "1/s", _share(rates["tcp"], rates["served"]))
    table.row("the same with TLS", rates["tls"], "1/s", _share(rates["tls"], rates["tcp"]))
    table.row("64 KiB and back with TLS, 4 masters", 2 * 65536 * rates["tls large"] / 1e6, "MB/s")
    volume = {name: 2 * 65536 * rates[name] / 1e6 for name in ("large", "large bare", "large pool")}
    table.row("64 KiB and back, dedicated, 4 under way", volume["large"], "MB/s", _share(volume["large"],
              volume["large bare"]), (">= 1 GB/s", volume["large"] >= 1000))
    table.row("64 KiB and back, pool of 2", volume["large pool"], "MB/s")
    table.row("64 KiB and back, two pipes, bare", volume["large bare"], "MB/s")
    start, direct, cold = 1000 / rates["start"], 1000 / rates["exec"], 1000 / rates["cold"]
    table.row("start, one message, close", start, "ms", _times(start, direct), ("<= 2 x", start <= 2 * direct))
    table.row("bare start and end of the same program", direct, "ms")
    table.row("connect to a shared worker that has to be started", cold, "ms", "", ("< 20 ms", cold < 20))


def control(servers, settings, table):
    with running.Running(servers, {"empty": {"worker": {"type": "inline"}}}, {}) as daemon:
        daemon.start()
        address = f"unix:{daemon.folder}/data/control.sock"

        def echoes(where, method, connections, depth):
            return lambda: run([servers.program("bench_rpc"), where, method, str(connections), str(depth),
                                str(settings.seconds)])["rate"]

        rates = in_turns({
            "one": echoes(address, "bench.echo", 1, 1),
            "one, limit": echoes("limit", "bench.echo", 1, 1),
            "one, 32 deep": echoes(address, "bench.echo", 1, 32),
            "hundred": echoes(address, "bench.echo", 100, 1),
            "hundred, limit": echoes("limit", "bench.echo", 100, 1),
            "hundred, xml": echoes(address, "xml", 100, 1),
            "hundred, threads": echoes(address, "bench.thread_echo", 100, 1),
        }, settings.turns)
    # What comodojo/daemon does on one connection of a machine like this; it takes no second one meanwhile.
    original, aim = 1_900, 20
    table.heading("Control socket: JSON-RPC echoes")

    def row(what, name, limit=None):
        ratio = _share(rates[name], rates[limit]) if limit else ""
        table.row(what, rates[name], "calls/s", ratio, (f">= {aim} x the original's {original:,}",
                                                        rates[name] >= aim * original))

    row("one connection, one request at a time", "one", "one, limit")
    table.row("  a loop that sends bytes back (limit)", rates["one, limit"], "calls/s")
    row("one connection, 32 requests under way", "one, 32 deep")
    row("100 connections", "hundred", "hundred, limit")
    table.row("  a loop that sends bytes back (limit)", rates["hundred, limit"], "calls/s")
    table.row("100 connections, XML-RPC", rates["hundred, xml"], "calls/s")
    table.row("100 connections, each call on a thread", rates["hundred, threads"], "calls/s")


def civi(servers, settings, table):
    program = servers.program("bench_civi")
    quick = settings.turns == 1
    count, items = (2_000, 2_000) if quick else (20_000, 50_000)

    def rate(*words):
        def measured():
            said = run([program, *map(str, words)])
            return said["count"] / said["seconds"]
        return measured
    rates = in_turns({"bare": rate("bare", count), "call": rate("call", count), "tasks": rate("tasks", items, 1),
                      "batches": rate("tasks", 10 * items, 100)}, settings.turns)
    default, shortest = (run([program, "latency", "5" if quick else "40", ms]) for ms in ("660", "0"))
    idle = run([program, "idle", "2" if quick else "20"])
    many = run([program, "tasks", str(10_000 if quick else 1_000_000), "100"])
    table.heading("CiviCRM: empty tasks of a site as light as it can be, over pipes")
    table.row("a request and its answer over two pipes (limit)", 1e6 / rates["bare"], "us")
    overhead = 1e6 / rates["call"] - 1e6 / rates["bare"]
    table.row("a task more than that, one worker", overhead, "us", "", ("<= 20 us", overhead <= 20))
    table.row("two workers, a claim for each task", rates["tasks"], "tasks/s")
    table.row("two workers, a claim for a hundred", rates["batches"], "tasks/s")
    table.row("from claimable to running, default, p50", default["p50_ms"], "ms")
    table.row("from claimable to running, default, p99", default["p99_ms"], "ms")
    table.row("the same, looking every millisecond, p50", shortest["p50_ms"], "ms")
    table.row("the same, looking every millisecond, p99", shortest["p99_ms"], "ms")
    share = 100 * idle["cpu_seconds"] / idle["seconds"]
    table.row("CPU of one processor without tasks", share, "%", "", ("< 0.5 %", share < 0.5))
    growth = (many["kib"] - many["early_kib"]) / 1024
    table.row("memory, the last nine tenths of a million tasks", growth, "MiB more", "", ("flat", growth < 1))


def web(servers, settings, table):
    program = servers.program("bench_web")
    quick = settings.turns == 1
    count = 500 if quick else 20_000
    url = servers.nginx({"runItems$": '{"values":[{"outcome":"ok","item":{"id":"12345","queue":"mailing-queue"}}]}',
                         ".": '{"values":[]}'}) + "/civicrm/queue?token=t"

    def rate(*words):
        return lambda: count / run([program, *map(str, words)])["seconds"]
    rates = in_turns({"bare": rate("bare", url, count), "call": rate("call", url, count, 1),
                      "eight": rate("call", url, count, 8)}, settings.turns)
    idle = run([program, "idle", url, "2" if quick else "30"])
    table.heading("CiviCRM over HTTP: runItems of one task, from nginx on loopback, which answers at once")
    table.row("libcurl in a loop on a kept connection (limit)", 1e6 / rates["bare"], "us")
    table.row("the web client, one at a time", 1e6 / rates["call"], "us", _times(rates["bare"], rates["call"]))
    table.row("a task more than the limit", 1e6 / rates["call"] - 1e6 / rates["bare"], "us")
    table.row("eight at a time", rates["eight"], "tasks/s")
    share = 100 * idle["cpu_seconds"] / idle["seconds"]
    table.row("CPU of one processor without tasks", share, "%", "", ("< 0.5 %", share < 0.5))


def loops(servers, settings, table):
    program = servers.program("bench_loops")
    quick = settings.turns == 1

    def measured(*words):
        return run([program, *(str(word) for word in words)])
    table.heading("Loop workers")
    orders = measured("orders", 100 if quick else 10_000)
    table.row("pause seen by a sleeping worker, p50", orders["p50"], "ms")
    table.row("pause seen by a sleeping worker, p99", orders["p99"], "ms", "", ("< 100 ms", orders["p99"] < 100))
    restart = measured("restart", 3 if quick else 100)
    table.row("SIGKILL to the next process's first round, p50", restart["p50"], "ms")
    table.row("SIGKILL to the next process's first round, p99", restart["p99"], "ms", "",
              ("< 50 ms", restart["p99"] < 50))
    share = 100 * measured("idle", 100, 1 if quick else 20)["share"]
    table.row("100 workers, an empty round a second: CPU", share, "%", "", ("< 1 %", share < 1))
    period = measured("period", 100 if quick else 1000)
    table.row("error of a period of 10 ms, p50", period["p50"], "ms")
    table.row("error of a period of 10 ms, p99", period["p99"], "ms", "", ("< 5 ms", period["p99"] < 5))


CASES = {"pipeline": pipeline, "batch": batch, "parallel": parallel, "latency": latency, "in_process": in_process,
         "waiting": waiting, "start": start, "workers": workers, "channels": channels,
         "service": service, "control": control, "civi": civi, "web": web, "loops": loops}
