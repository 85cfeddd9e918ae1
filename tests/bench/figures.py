#!/usr/bin/env python3
"""Writes the table of figures into README.md and draws figures.svg; called by tests/bench/run --readme."""

import argparse
import json
import os
import pathlib
import platform
import re
import sys
from html import escape

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
# What of each part is shown, when it was measured: its cells (None: all) and peers, in this order.
SHOWN = {
    "engine": (None, ("iscsi-perf", "qemu-img", "engine, both digests", "iperf3", "engine")),
    "export": (("randread 4k depth 1", "randread 4k depth 32", "randwrite 4k depth 32", "read 256k depth 8", "write 256k depth 8"),
               ("qemu-nbd",)),
    "fuse": (("randread 4k depth 1", "randread 4k depth 32", "randwrite 4k depth 32", "read 256k depth 8", "write 256k depth 8"),
             ("qemu-storage-daemon",)),
    "vm-ublk": (None, ("iscsi_tcp", "qemu-nbd")),
    "micro": (("crc32c 4 KiB", "crc32c 1 MiB"), ("sse42", "table")),
}  # fmt: skip
NAMES = {"engine": "engine without a disk", "export": "exported LUN", "fuse": "FUSE disk", "vm-ublk": "ublk disk in an emulated machine, LIO", "micro": "CRC32C as it is used here"}
PEERS = {"engine": "the same on one lane", "engine, both digests": "the same with both digests", "sse42": "the crc32 instruction", "table": "a table"}
WORDS = {"read 4k": "4 KiB reads", "write 4k": "4 KiB writes", "read 256k": "256 KiB reads", "write 256k": "256 KiB writes", "read 1m": "1 MiB reads"}


class Row:
    """One of our sides beside one peer at one work, on one or two targets."""

    def __init__(self, part, peer, cell):
        self.part, self.peer, self.cell = part, peer, cell
        self.ratios, self.spread = {}, 0.0

    def add(self, cell, peer):
        self.ratios[cell["target"]] = compare.ratios(cell, peer)
        self.spread = max(self.spread, cell["sides"][0]["spread"], peer["spread"])

    def work(self):
        for short, long in WORDS.items():
            self_cell = self.cell.replace("rand", "")
            if self_cell.startswith(short + " "):
                rest = self_cell.removeprefix(short).replace(" beside a TCP stream", "").replace(" both", ", both")
                return long + rest.replace(" depth ", " at depth ")
        return self.cell.removeprefix("crc32c ")

    def text(self, target):
        if target not in self.ratios:
            return "–"
        rate, per_cpu = self.ratios[target]
        return f"{rate:.2f}" if self.part == "micro" else f"{rate:.2f}; {per_cpu:.2f}"


def rows_of(results):
    rows = {}
    for part, (cells, peers) in SHOWN.items():
        for peer in peers:
            for cell in (one for one in results if one["part"] == part and "sides" in one):
                found = next((side for side in cell["sides"][1:] if side["name"] == peer), None)
                if found is None or (cells is not None and cell["cell"] not in cells):
                    continue
                rows.setdefault((part, peer, cell["cell"]), Row(part, peer, cell["cell"])).add(cell, found)
    return list(rows.values())


def machine():
    names = re.findall(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return f"Linux {platform.release()}, {os.cpu_count()} CPUs{f' ({names[0]})' if names else ''}"


def table(results, rows):
    dates = ", ".join(sorted({one["when"] for one in results}))
    before = "`tests/bench/run --quick vm` and then " if any(row.part.startswith("vm-") for row in rows) else ""
    lines = [
        f"Measured {dates} on {machine()}; {before}`tests/bench/run --quick --readme` writes this.",
        "",
        "| ours | beside | work | light target: rate; work for each unit of CPU | tgtd: the same | spread of rounds |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        light = row.text(next((name for name in ("null", "memory", "lio") if name in row.ratios), "null"))
        lines.append(f"| {NAMES[row.part]} | {PEERS.get(row.peer, row.peer)} | {row.work()} | {light} | {row.text('tgtd')} | {row.spread:.0%} |")
    for one in results:
        if one.get("table") == "instructions":
            depths = " / ".join(str(row["4 KiB reads at depth"]) for row in one["rows"])
            counts = " / ".join(f"{row['instructions each']:,}" for row in one["rows"])
            lines.append(f"| session | | instructions for each 4 KiB read in memory, {depths} under way | {counts} | – | |")
    return lines


def chart(results, rows):
    """Two bars for each row, on the light target where there is one: right of the line at 1 we are ahead."""
    step, left, unit, longest = 30, 470, 90, 4.5
    width, height = left + 5 * unit + 40, 64 + step * len(rows)
    dates = ", ".join(sorted({one["when"] for one in results}))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="18">Times the peer; right of the line is better. {escape(dates)}, {escape(machine())}</text>',
        '<rect x="8" y="28" width="12" height="10" fill="#2b6cb0"/><text x="24" y="37">rate</text>',
        '<rect x="70" y="28" width="12" height="10" fill="#90cdf4"/><text x="86" y="37">work for each unit of CPU</text>',
    ]
    for number, row in enumerate(rows):
        top = 48 + step * number
        target = next(name for name in ("null", "memory", "lio", "tgtd") if name in row.ratios)
        out.append(f'<text x="8" y="{top + 17}">{escape(f"{NAMES[row.part]}, {row.work()} / {PEERS.get(row.peer, row.peer)}")}</text>')
        for at, (ratio, colour) in enumerate(zip(row.ratios[target], ("#2b6cb0", "#90cdf4"))):
            bar, length = top + 12 * at, min(ratio, longest) * unit
            out.append(f'<rect x="{left}" y="{bar}" width="{length:.1f}" height="11" fill="{colour}"/>')
            out.append(f'<text x="{left + length + 4:.1f}" y="{bar + 10}" font-size="10">{ratio:.2f}</text>')
    out.append(f'<line x1="{left + unit}" y1="44" x2="{left + unit}" y2="{height}" stroke="#333" stroke-dasharray="3"/></svg>')
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=pathlib.Path, help="results.json of tests/bench/run")
    parser.add_argument("--readme", type=pathlib.Path, required=True)
    parser.add_argument("--chart", type=pathlib.Path, required=True)
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    rows = rows_of(results)
    if not rows:
        sys.exit("nothing that the README shows was measured")
    before, begin, rest = options.readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{options.readme}: no {BEGIN} and {END}")
    options.readme.write_text("\n".join([before + BEGIN, "", *table(results, rows), "", "![The same as bars](tests/bench/figures.svg)", "", END + after]))
    options.chart.write_text(chart(results, rows))
    print(f"{options.readme}: {len(rows)} rows; {options.chart}")


if __name__ == "__main__":
    main()
