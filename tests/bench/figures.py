"""A figure: what was measured, what it should be, what the line allows, and why not more; and how all of them are shown.

No figure is judged here: the table says "short of the goal" beside it, and what the limit is.
"""

import dataclasses
import json
import os
import pathlib
import platform


@dataclasses.dataclass
class Figure:
    name: str
    value: float
    unit: str  # "share" of what the line carries, or a unit of its own
    goal: float | None = None
    at_most: bool = False  # whether the goal is an upper bound
    ceiling: float | None = None  # what the line, or the module, allows at best
    limit: str = ""  # what the limit is
    busy: float | None = None  # share of this machine's processors in use meanwhile, by anybody
    profile: dict | None = None  # where the time goes: see profile()

    @property
    def reached(self):
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def text_of(self, value):
        if value is None:
            return ""
        if self.unit == "share":
            return f"{value:.1%}"
        return f"{value:.3g} {self.unit}" if value < 1000 else f"{value:.0f} {self.unit}"


COLUMNS = ("FIGURE", "MEASURED", "GOAL", "CEILING", "", "LIMIT")
WIDTHS = (48, 12, 13, 12, 5)


def line(*cells):
    return "  ".join(str(cell).ljust(width) for cell, width in zip(cells, WIDTHS)) + "  " + str(cells[-1])


def row(figure):
    goal = "" if figure.goal is None else ("≤ " if figure.at_most else "≥ ") + figure.text_of(figure.goal)
    verdict = {None: "", True: "yes", False: "SHORT"}[figure.reached]
    limit = figure.limit
    if figure.busy is not None and figure.busy > 0.9:
        limit += ("; " if limit else "") + f"this machine's processors were {figure.busy:.0%} in use"
    return line(figure.name, figure.text_of(figure.value), goal, figure.text_of(figure.ceiling), verdict, limit)


def profile(own, kernel, calls, size):
    """What a process did for so many bytes: seconds in its own code and in the kernel, then, of a traced run for `size` bytes, its system
    calls as system_calls.traced() gives them."""
    used = own + kernel  # nothing, if it was less than a tick of the kernel's clock
    whole = sum(seconds for _, _, seconds in calls)
    return {
        "own": own / used if used else 0,
        "kernel": kernel / used if used else 0,
        "system-calls": [
            {"name": name, "calls-per-megabyte": count * 1e6 / size, "share-of-kernel": seconds / whole if whole else 0}
            for name, count, seconds in calls
        ],
    }


def profile_lines(shares):
    told = "there, as strace counts it:" if shares["system-calls"] else "strace, which would tell more, is not installed"
    yield f"    profile: {shares['own']:.0%} in its own code, {shares['kernel']:.0%} in the kernel; {told}"
    for call in shares["system-calls"][:6]:
        yield f"    {call['name']:<16}{call['share-of-kernel']:>6.1%} of the kernel's time, {call['calls-per-megabyte']:.0f} calls per MB"


class Report:
    """Prints each figure as it comes, and keeps all for the file."""

    def __init__(self):
        self.figures = []
        print(line(*COLUMNS), flush=True)

    def add(self, figure):
        self.figures.append(figure)
        print(row(figure), flush=True)
        for text in profile_lines(figure.profile) if figure.profile else ():
            print(text, flush=True)

    def write(self, file: pathlib.Path):
        machine = {"machine": platform.machine(), "processors": os.cpu_count(), "kernel": platform.release()}
        rows = [{**dataclasses.asdict(figure), "reached": figure.reached} for figure in self.figures]
        file.write_text(json.dumps({"host": machine, "figures": rows}, indent=1, ensure_ascii=False) + "\n")


class Busy:
    """Used as a context: how much of the processors was in use meanwhile, by anybody."""

    def __enter__(self):
        self._before = self._read()
        self.share = None
        return self

    def __exit__(self, *_):
        total, idle = (now - before for now, before in zip(self._read(), self._before))
        self.share = 1 - idle / total if total else None

    @staticmethod
    def _read():
        values = [int(text) for text in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(values), values[3] + values[4]
