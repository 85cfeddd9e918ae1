#!/usr/bin/env python3
"""Runs engine_bench, iscsi-perf and qemu-img bench on one LUN by turns; called by tests/bench/run."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import compare  # noqa: E402

KIB = 1024
PATIENCE = 300


@dataclass
class Cell:
    """What all sides do: requests of `block` bytes, `depth` at a time."""

    block: int
    depth: int
    pattern: str = "read"
    digests: str = "none"

    def name(self):
        size = f"{self.block // KIB}k" if self.block < KIB * KIB else "1m"
        digests = "" if self.digests == "none" else f" {self.digests} digest"
        return f"{self.pattern} {size} depth {self.depth}{digests}"


def all_cells():
    for digests in ("none", "header"):
        for block in (4, 64, 256, 1024):
            for depth in (1, 32, 128):
                yield Cell(block * KIB, depth, "randread" if block == 4 else "read", digests)
    for depth in (1, 32):
        yield Cell(4 * KIB, depth, "write")


def quick_cells():
    return [Cell(4 * KIB, 1, "randread"), Cell(4 * KIB, 32, "randread"), Cell(256 * KIB, 32)]


# What each program is called with, and the requests and seconds that it tells of.


def engine_bench(options, cell, more=()):
    command = [
        options.program, options.url, f"--depth={cell.depth}", f"--block={cell.block}",
        f"--seconds={max(1, options.seconds)}", f"--digests={cell.digests}", *options.engine_option, *more,
    ]  # fmt: skip
    command += ["--random"] if cell.pattern.startswith("rand") else []
    command += ["--write"] if cell.pattern == "write" else []
    text, used = run(command)
    told = json.loads(text)
    return {"iops": told["iops"], **{key: told[key] for key in ("p50_us", "p99_us", "p99.9_us")}}, told["requests"], used


def iscsi_perf(options, cell):
    suffix = "?header_digest=crc32c" if cell.digests == "header" else ""
    seconds = max(1, round(options.seconds))  # it counts whole ones
    command = ["iscsi-perf", "-m", str(cell.depth), "-b", str(cell.block // options.sector), "-t", str(seconds)]
    command += ["-r"] if cell.pattern.startswith("rand") else []
    text, used = run([*command, options.url + suffix])
    rate = int(re.findall(r"iops average (\d+)", text)[-1])
    return {"iops": rate}, rate * seconds, used


def qemu_img(options, cell, count):
    """It is told how many requests, not how long: as many as ours did."""
    command = ["qemu-img", "bench", "-f", "raw", "-t", "none", "-c", str(count), "-d", str(cell.depth)]
    command += ["-s", str(cell.block)] + (["-w"] if cell.pattern == "write" else [])
    text, used = run([*command, options.url])
    return {"iops": count / float(re.search(r"completed in ([\d.]+)", text)[1])}, count, used


def iperf3(options, cell):
    """One TCP stream over loopback, that comes in as a read's data do."""
    seconds = max(1, round(options.seconds))
    server = ["iperf3", "--server", "--one-off", "--bind", "127.0.0.1", "--port", str(options.iperf_port)]
    with subprocess.Popen(server, stdout=subprocess.DEVNULL) as other:
        time.sleep(0.2)
        client = ["iperf3", "--client", "127.0.0.1", "--port", str(options.iperf_port), "--reverse", "--json"]
        text, used = run([*client, "--time", str(seconds)])
        other.wait(PATIENCE)
    rate = json.loads(text)["end"]["sum_received"]["bits_per_second"] / 8 / cell.block
    return {"iops": rate}, rate * seconds, used


def run(command):
    """Its output, and what it has used, from its start to its end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        patience = threading.Timer(PATIENCE, child.kill)  # iscsi-perf waits for ever for a target that is gone
        patience.start()
        text = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        patience.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)}: {text}")
    return text, used


def one_round(side, options, cell, last_count):
    target_before = compare.cpu_and_sleeps(options.target_pid)
    if side.name == "iperf3":
        told, requests, used = iperf3(options, cell)
    elif side.name == "iscsi-perf":
        told, requests, used = iscsi_perf(options, cell)
    elif side.name == "qemu-img":
        told, requests, used = qemu_img(options, cell, last_count)
    else:
        told, requests, used = engine_bench(options, cell, side.where or ())
    target_after = compare.cpu_and_sleeps(options.target_pid)
    requests = max(requests, 1)
    side.rounds.append({
        **told,
        "mb_s": told["iops"] * cell.block / 1e6,
        "cpu_us": (used.ru_utime + used.ru_stime) * 1e6 / requests,
        "sleeps": used.ru_nvcsw / requests,
        "target_cpu_us": (target_after[0] - target_before[0]) / 1000 / requests,
    })  # fmt: skip
    return requests


BOTH_DIGESTS = ("--digests=both",)
ONE_BUFFER = "engine, one buffer"


def sides_of(cell):
    """iscsi-perf only reads; qemu-img has no random places and no digests; neither has data digests.

    iscsi-perf allocates the memory of a read when its data come and frees it with the answer, so that all its reads land in
    the same memory, which stays in the cache; ours does so too beside it where that is more than a cache's worth."""
    yield compare.Side("engine", None, 0)
    if cell.pattern == "read" and cell.depth > 1:
        yield compare.Side(ONE_BUFFER, ("--one-buffer",), 0)
    if cell.pattern != "write":
        yield compare.Side("iscsi-perf", None, 0)
    if cell.digests == "none" and cell.pattern != "randread":
        yield compare.Side("qemu-img", None, 0)
    if cell.digests != "none" or cell.depth > 1:
        yield compare.Side("engine, both digests", BOTH_DIGESTS, 0)


def measure_cell(options, cell):
    done = measured(options, cell, cell.name(), list(sides_of(cell)))
    all_sides = done["sides"]
    into_one = [each for each in all_sides if each["name"] in (ONE_BUFFER, "iscsi-perf")]
    if len(into_one) < 2 or into_one[0]["name"] != ONE_BUFFER:
        compare.print_cell(done)
        return [done]
    done["sides"] = [each for each in all_sides if each not in into_one]
    one = {**done, "cell": cell.name() + " into one buffer", "sides": into_one}
    parts = [each for each in (done, one) if len(each["sides"]) > 1]
    for each in parts:
        compare.print_cell(each)
    return parts


def measure_stream(options):
    """What is left of the rate of one TCP stream, without digests and with both."""
    cell = Cell(KIB * KIB, 8)
    plain, digests, stream = (compare.Side(name, where, 0) for name, where in
                              (("engine", None), ("engine, both digests", BOTH_DIGESTS), ("iperf3", None)))  # fmt: skip
    done = measured(options, cell, cell.name() + " beside a TCP stream", [plain, digests, stream])
    of_plain, of_digests, of_stream = done["sides"]
    both = {**done, "cell": cell.name() + " both digests beside a TCP stream", "sides": [of_digests, of_stream]}
    done["sides"] = [of_plain, of_stream]
    for each in (done, both):
        compare.print_cell(each)
    return [done, both]


def measure_lanes(options):
    """One disk of two sessions, a lane each, beside the same on one lane; and the most that the processors allow."""
    cell = Cell(4 * KIB, 64, "randread")
    sides = [compare.Side("engine, two lanes", ("--lanes=2",), 0), compare.Side("engine", None, 0)]
    done = measured(options, cell, cell.name() + " over two lanes", sides)
    compare.print_cell(done)
    two, one = done["sides"]
    for side, text in ((two, "with two lanes' CPU"), (one, "with one lane's CPU")):
        full = os.cpu_count() * 1e6 / (side["cpu_us"] + side["target_cpu_us"])
        share = side["target_cpu_us"] / (side["cpu_us"] + side["target_cpu_us"])
        print(f"  all {os.cpu_count()} processors busy, {text:<22} {full / one['iops']:.2f} x at most; {share:.0%} is the target's")
    return [done]


def measured(options, cell, name, sides):
    count = 1000
    for turn in range(options.rounds):
        # Ours first or last, the peers between.
        for side in sides if turn % 2 == 0 else reversed(sides):
            done = one_round(side, options, cell, count)
            count = done if side.name == "engine" else count
    return {
        "part": "engine",
        "target": options.target,
        "cell": name,
        "sides": [{"name": side.name, **compare.summary(side.rounds)} for side in sides],
        "rounds": [{"name": side.name, "rounds": side.rounds} for side in sides],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="engine_bench")
    parser.add_argument("--url", required=True)
    parser.add_argument("--sector", type=int, default=512, help="block size of the LUN")
    parser.add_argument("--target", required=True)
    parser.add_argument("--target-pid", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--iperf-port", type=int, default=0, help="a free port: beside a TCP stream, too")
    parser.add_argument("--two-lanes", action="store_true", help="one disk over two lanes, too")
    parser.add_argument("--only", default="", help="cells whose name has this")
    parser.add_argument("--engine-option", action="append", default=[], help="one more for engine_bench")
    parser.add_argument("--to", required=True, help="file for the cells")
    options = parser.parse_args()
    cells = quick_cells() if options.quick else list(all_cells())
    done = [one for cell in cells if options.only in cell.name() for one in measure_cell(options, cell)]
    if options.iperf_port:
        done += measure_stream(options)
    if options.two_lanes:
        done += measure_lanes(options)
    pathlib.Path(options.to).write_text(json.dumps(done))


if __name__ == "__main__":
    main()
