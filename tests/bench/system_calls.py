"""Where the kernel's part of a process's time goes: its system calls, counted by strace where that is installed."""

import contextlib
import pathlib
import shutil
import signal
import subprocess

import harness


@contextlib.contextmanager
def traced(pid, directory):
    """Yields a list that holds (name, calls, seconds in the kernel) of each system call made meanwhile, the most expensive first, once
    the context is left; nothing without strace. What is traced is many times slower, so nothing else is to be measured meanwhile."""
    calls = []
    if not shutil.which("strace"):
        yield calls
        return
    summary = pathlib.Path(directory) / "strace"
    tracer = subprocess.Popen(
        ["strace", "-c", "-f", "-qq", "-o", summary, "-p", str(pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        harness.wait_for(lambda: is_traced(pid) or tracer.poll() is not None, "strace is attached")
        if tracer.poll() is not None:
            raise RuntimeError(f"strace: {tracer.stderr.read().strip()}")
        yield calls
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
    calls += parse(summary.read_text())


def is_traced(pid):
    return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()


def parse(summary):
    """The table of strace -c: share of time, seconds, microseconds per call, calls, errors (may be blank), name."""
    rows = []
    for line in summary.splitlines():
        words = line.split()
        if len(words) < 5 or not words[0][0].isdigit() or words[-1] == "total":
            continue
        rows.append((words[-1], int(words[3]), float(words[1])))
    return sorted(rows, key=lambda row: -row[2])
