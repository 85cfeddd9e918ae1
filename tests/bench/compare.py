#!/usr/bin/env python3
"""Runs fio on disks by turns and says how they compare; called by tests/bench/run."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from html import escape

CELLS = [
    ("randread", "4k", 1),
    ("randread", "4k", 32),
    ("randread", "4k", 128),
    ("randwrite", "4k", 1),
    ("randwrite", "4k", 32),
    ("randread", "64k", 32),
    ("read", "256k", 8),
    ("write", "256k", 8),
    ("read", "1m", 8),
]
PERCENTILES = {"p50": "50.000000", "p99": "99.000000", "p99.9": "99.900000"}


@dataclass
class Side:
    """One of those that are compared: a socket or a block device, and the process behind it; 0: the whole machine."""

    name: str
    where: str
    pid: int
    rounds: list = field(default_factory=list)

    @staticmethod
    def parse(text):
        name, _, rest = text.partition("=")
        where, _, pid = rest.rpartition(",")
        return Side(name, where, int(pid))

    def fio_options(self):
        if self.where.startswith("/dev/"):
            return [f"--filename={self.where}", "--ioengine=io_uring", "--direct=1"]
        return ["--ioengine=nbd", f"--uri=nbd+unix:///?socket={self.where}"]  # fio wants the engine first


def cpu_and_sleeps(pid):
    """Nanoseconds on a processor, and voluntary switches, of all threads of a process; 0: of the whole machine."""
    nanoseconds = switches = 0
    if pid == 0:
        text = pathlib.Path("/proc/stat").read_text().splitlines()
        user, nice, system, _, _, irq, softirq = (int(word) for word in text[0].split()[1:8])
        switches = next(int(line.split()[1]) for line in text if line.startswith("ctxt "))
        return (user + nice + system + irq + softirq) * 10**9 // os.sysconf("SC_CLK_TCK"), switches
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        nanoseconds += int((task / "schedstat").read_text().split()[0])
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                switches += int(line.split()[1])
    return nanoseconds, switches


def run_fio(side, cell, seconds, work):
    pattern, block, depth = cell
    command = [
        "fio", "--name=cell", *side.fio_options(), f"--rw={pattern}", f"--bs={block}", f"--iodepth={depth}",
        "--time_based", f"--runtime={int(seconds * 1000)}ms", "--ramp_time=200ms", "--size=256m", "--randrepeat=0",
        "--output-format=json", f"--output={work}/fio.json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"fio of {side.name}: {done.stdout}{done.stderr}")
    text = pathlib.Path(work, "fio.json").read_text()
    job = json.loads(text[text.index("{"):])["jobs"][0]
    return job["write" if "write" in pattern else "read"]


def cost_of_fio(sides, work):
    """What the start and the end of a fio take, where the processor time is that of the whole machine."""
    if all(side.pid != 0 for side in sides):
        return 0, 0
    command = ["fio", "--name=cell", "--ioengine=null", "--rw=randread", "--bs=4k", "--number_ios=1", "--size=256m",
               "--output-format=json", f"--output={work}/fio.json"]  # fmt: skip
    costs = []
    for _ in range(3):
        before = cpu_and_sleeps(0)
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            sys.exit("fio without a disk fails")
        after = cpu_and_sleeps(0)
        costs.append((after[0] - before[0], after[1] - before[1]))
    return sorted(costs)[1]


def one_round(side, cell, target_pid, seconds, work, fio=(0, 0)):
    before = cpu_and_sleeps(side.pid)
    target_before = cpu_and_sleeps(target_pid)
    told = run_fio(side, cell, seconds, work)
    after = cpu_and_sleeps(side.pid)
    target_after = cpu_and_sleeps(target_pid)
    # What ran while fio warmed up is in the CPU, too: per request of all of them.
    requests = max(1, round(told["iops"] * (seconds + 0.2)))
    without = fio if side.pid == 0 else (0, 0)
    result = {
        "iops": told["iops"],
        "mb_s": told["bw_bytes"] / 1e6,
        "cpu_us": max(0, after[0] - before[0] - without[0]) / 1000 / requests,
        "sleeps": max(0, after[1] - before[1] - without[1]) / requests,
        "target_cpu_us": (target_after[0] - target_before[0]) / 1000 / requests,
    }
    for name, key in PERCENTILES.items():
        result[f"{name}_us"] = told["clat_ns"]["percentile"][key] / 1000
    side.rounds.append(result)


def summary(rounds):
    values = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
    rates = [each["iops"] for each in rounds]
    values["spread"] = (max(rates) - min(rates)) / values["iops"]
    return values


def measure(options):
    cells = []
    fio = cost_of_fio([Side.parse(text) for text in options.sides], options.work)
    for cell in options.cell or CELLS:
        sides = [Side.parse(text) for text in options.sides]
        for turn in range(options.rounds):
            for side in sides if turn % 2 == 0 else reversed(sides):
                one_round(side, cell, options.target_pid, options.seconds, options.work, fio)
        cells.append({
            "part": options.part,
            "target": options.target,
            "cell": "{} {} depth {}".format(*cell),
            "sides": [{"name": side.name, **summary(side.rounds)} for side in sides],
            "rounds": [asdict(side) for side in sides],
        })  # fmt: skip
        print_cell(cells[-1])
    pathlib.Path(options.to).write_text(json.dumps(cells))


def print_cell(cell):
    print(f"{cell['part']}, {cell['target']}: {cell['cell']}")
    for side in cell["sides"]:
        times = "  ".join(f"{name} {side[f'{name}_us']:>7.0f}" for name in PERCENTILES if f"{name}_us" in side)
        print(
            "  {name:<22} {iops:>9.0f} IOPS +-{spread:<4.0%} {mb_s:>7.0f} MB/s  CPU {cpu_us:>6.1f} us "
            "(target {target_cpu_us:>6.1f}, busy {busy:.0%})  sleeps {sleeps:.2f}  {times}".format(
                **side, times=times, busy=side["iops"] * side["target_cpu_us"] / 1e6
            )
        )
    for peer in cell["sides"][1:]:
        print("  {:<22} {:>9.2f} x the rate, {:.2f} x the work per CPU".format(f"to {peer['name']}", *ratios(cell, peer)))
    sys.stdout.flush()


def print_times(cell):
    """Of functions: what one call takes."""
    for side in cell["sides"]:
        print(f"{cell['part']}: {cell['cell']:<28} {side['name']:<10} {1000 * side['cpu_us']:>10.1f} ns +-{side['spread']:.0%}")
    sys.stdout.flush()


def print_table(table):
    """Each figure of a row with its ratio to that of the first one."""
    print(f"\n{table['part']}: {table['table']}")
    rows = table["rows"]
    for row in rows:
        texts = []
        for number, (name, value) in enumerate(row.items()):
            first = rows[0][name]
            ratio = f" ({value / first:.2f} x)" if number > 0 and first else ""
            texts.append(f"{name}: {value}{ratio}")
        print("  " + ";  ".join(texts))
    sys.stdout.flush()


def ratios(cell, peer):
    ours = cell["sides"][0]
    return ours["iops"] / peer["iops"], peer["cpu_us"] / max(ours["cpu_us"], 1e-3)


def rows_of(cells):
    """(cell, one of its peers): what a line of the report and of a chart is about."""
    return [(cell, peer) for cell in cells for peer in cell["sides"][1:]]


def chart(part, cells):
    """Bars of the ratios: right of the line at 1 we are ahead."""
    rows = rows_of(cells)
    row, left, unit = 18, 400, 110
    width, height = left + 5 * unit, 60 + 2 * row * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<text x="8" y="18">{escape(part)}: {escape(cells[0]["sides"][0]["name"])} beside its peers</text>',
        '<rect x="8" y="28" width="12" height="10" fill="#2b6cb0"/><text x="24" y="37">rate</text>',
        '<rect x="70" y="28" width="12" height="10" fill="#90cdf4"/><text x="86" y="37">work per CPU</text>',
    ]
    for number, (cell, peer) in enumerate(rows):
        top = 50 + 2 * row * number
        label = f"{cell['target']}: {cell['cell']} / {peer['name']}"
        out.append(f'<text x="8" y="{top + row}">{escape(label)}</text>')
        for at, (ratio, colour) in enumerate(zip(ratios(cell, peer), ("#2b6cb0", "#90cdf4"))):
            bar, length = top + at * (row - 4), min(ratio, 4.5) * unit
            out.append(f'<rect x="{left}" y="{bar}" width="{length:.1f}" height="{row - 5}" fill="{colour}"/>')
            out.append(f'<text x="{left + length + 4:.1f}" y="{bar + row - 7}">{ratio:.2f}</text>')
    out.append(f'<line x1="{left + unit}" y1="44" x2="{left + unit}" y2="{height}" stroke="#333" stroke-dasharray="3"/></svg>')
    return "\n".join(out) + "\n"


def report(options):
    results = [
        {"when": time.strftime("%Y-%m-%d", time.localtime(pathlib.Path(name).stat().st_mtime)), **one}
        for name in options.files
        for one in json.loads(pathlib.Path(name).read_text())
    ]
    folder = pathlib.Path(options.out)
    (folder / "results.json").write_text(json.dumps(results, indent=1))
    for table in (one for one in results if "rows" in one):
        print_table(table)
    cells = [one for one in results if "sides" in one]
    print(f"\n{'part':<8} {'target':<6} {'cell':<32} {'beside':<20} {'rate':>6} {'per CPU':>8}")
    for cell, peer in rows_of(cells):
        rate, per_cpu = ratios(cell, peer)
        print(
            f"{cell['part']:<8} {cell['target']:<6} {cell['cell']:<32} {peer['name']:<20} {rate:>6.2f} {per_cpu:>8.2f}"
        )
    for part in sorted({cell["part"] for cell, _ in rows_of(cells)}):
        (folder / f"{part}.svg").write_text(chart(part, [cell for cell in cells if cell["part"] == part]))
    print(f"results.json and the charts are in {folder}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("measure")
    one.add_argument("--part", required=True)
    one.add_argument("--target", required=True)
    one.add_argument("--target-pid", type=int, required=True)
    one.add_argument("--rounds", type=int, default=5)
    one.add_argument("--seconds", type=float, default=2)
    one.add_argument("--work", required=True, help="a folder for fio's files")
    one.add_argument("--to", required=True, help="file for the cells")
    one.add_argument("--cell", action="append", type=str.split, metavar="'PATTERN BLOCK DEPTH'", help="instead of all")
    one.add_argument("sides", nargs="+", metavar="NAME=WHERE,PID")
    one.set_defaults(run=measure)
    all_cells = verbs.add_parser("report")
    all_cells.add_argument("--out", required=True)
    all_cells.add_argument("files", nargs="+")
    all_cells.set_defaults(run=report)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
