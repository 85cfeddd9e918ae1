#!/usr/bin/env python3
"""Runs micro_bench, by itself and under callgrind; called by tests/bench/run."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import compare  # noqa: E402

INSTRUCTION_DEPTHS = (1, 32)
FORMS = ["vpclmul", "pclmul", "sse42", "table"]  # of crc32c(): the first that the processor has is used
SIZES = {48: "48 B", 512: "512 B", 4096: "4 KiB", 65536: "64 KiB", 262144: "256 KiB", 1048576: "1 MiB"}


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done


def benchmarks(options):
    """Nanoseconds of CPU by name and argument: one value for each round."""
    command = [options.program, "--benchmark_format=json", f"--benchmark_min_time={options.seconds}"]
    command += [f"--benchmark_repetitions={options.rounds}", "--benchmark_enable_random_interleaving=true"]
    text = run(command).stdout
    taken = {}
    for one in json.loads(text[text.index("{"):])["benchmarks"]:
        if one["run_type"] == "iteration":
            name, _, argument = one["run_name"].partition("/")
            items = one.get("items_per_second")
            nanoseconds = 1e9 / items if items else one["cpu_time"]
            taken.setdefault((name, int(argument or 0)), []).append(nanoseconds)
    return taken


def side(name, nanoseconds, size):
    rounds = [{"iops": 1e9 / each, "mb_s": size / each * 1e3, "cpu_us": each / 1e3} for each in nanoseconds]
    return {"name": name, **compare.summary(rounds)}


def cells_of(taken):
    """The forms of CRC32C beside each other, the fastest first; all others alone."""
    digests = {}
    for (name, argument), nanoseconds in taken.items():
        if name.startswith("crc32c "):
            digests.setdefault(argument, []).append(side(name.removeprefix("crc32c "), nanoseconds, argument))
            continue
        depth = name.startswith("session")
        what = f"4 KiB depth {argument}" if depth else SIZES.get(argument, "")
        yield cell(f"{name} {what}".strip(), [side("ours", nanoseconds, 4096 if depth else argument)])
    for size, sides in sorted(digests.items()):
        yield cell(f"crc32c {SIZES[size]}", sorted(sides, key=lambda side: FORMS.index(side["name"])))


def cell(name, sides):
    return {"part": "micro", "target": "memory", "cell": name, "sides": sides}


def instructions(options, depth, count):
    """What the whole process executes for about that many reads."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", options.program]
    command += ["--turns", str(count // depth), str(depth)]
    # REP MOVSB counts each byte as an instruction there.
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=100000000"}
    return int(re.search(r"Collected : (\d+)", run(command, timeout=60, env=environment).stderr)[1])


def instruction_rows(options):
    few, more = 3200, 6400
    for depth in INSTRUCTION_DEPTHS:
        each = (instructions(options, depth, few + more) - instructions(options, depth, few)) / more
        yield {"4 KiB reads at depth": depth, "instructions each": round(each)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="micro_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each function and round, at least")
    parser.add_argument("--to", required=True, help="file for the cells")
    options = parser.parse_args()
    done = list(cells_of(benchmarks(options)))
    for each in done:
        compare.print_times(each)
    done.append({"part": "micro", "table": "instructions", "rows": list(instruction_rows(options))})
    compare.print_table(done[-1])
    pathlib.Path(options.to).write_text(json.dumps(done))


if __name__ == "__main__":
    main()
