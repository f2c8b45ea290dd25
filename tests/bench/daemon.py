"""What the daemon itself costs: processor time, memory, wake-ups, its start, and how soon it is back after a reset."""

import contextlib
import errno
import json
import os
import pathlib
import resource
import socket
import statistics
import time

import figures
import harness
import streams
import system_calls

HUNDRED_MEGABYTES = 100_000_000


class Process:
    """What the kernel counts of a process."""

    def __init__(self, pid):
        self._proc = pathlib.Path(f"/proc/{pid}")

    def _status(self, *keys):
        lines = dict(line.split(":", 1) for line in (self._proc / "status").read_text().splitlines())
        return [int(lines[key].split()[0]) for key in keys]

    def processor_seconds(self):
        """In its own code, and in the kernel on its behalf."""
        fields = (self._proc / "stat").read_text().rsplit(")", 1)[1].split()
        return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]

    def wake_ups(self):
        return sum(self._status("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))

    def memory(self):
        """RSS and RssAnon in MB of 2^20 bytes."""
        return [kilobytes / 1024 for kilobytes in self._status("VmRSS", "RssAnon")]


def memory_figures(state, process, goals=(None, None)):
    for kind, value, goal in zip(("RSS", "RssAnon"), process.memory(), goals):
        yield figures.Figure(f"memory {state}, {kind}", value, "MiB", goal=goal, at_most=True)


def processor(size):
    """Without pacing, so that the daemon is what limits, or the simulator beside it."""
    options = {"simulator_options": ("--no-pacing",), "log_level": "warning", "baud-rate": 921600, "flow-control": "rts-cts"}
    for direction in ("download", "upload"):
        with harness.Gateway(**options) as host:
            host.join()
            process = Process(host.daemon.pid)
            with figures.Busy() as busy:
                used, begin = process.processor_seconds(), time.monotonic()
                transfer(direction, size)
                took = time.monotonic() - begin
                own, kernel = ((now - before) * HUNDRED_MEGABYTES / size for now, before in zip(process.processor_seconds(), used))
            with system_calls.traced(host.daemon.pid, host.directory) as calls:
                transfer(direction, size // 20)
        yield figures.Figure(
            f"processor per 100 MB, {direction}, --no-pacing", own + kernel, "s", goal=1.0, at_most=True, busy=busy.share,
            limit=f"{kernel:.2f} s of it in the kernel: a packet of 1500 bytes is a system call that runs the kernel's TCP",
            profile=figures.profile(own, kernel, calls, size // 20),
        )  # fmt: skip
        yield figures.Figure(
            f"throughput, {direction}, --no-pacing", size / took / 1e6, "MB/s", busy=busy.share,
            limit="simulator and daemon share the machine; one window per round trip",
        )  # fmt: skip


def transfer(direction, size):
    """So many bytes in a connection of its own."""
    with streams.connect(19 if direction == "download" else 5001) as stream:
        if direction == "download":
            receive(stream, size)
            return
        stream.sendall(b"%d\n" % size)
        send(stream, size)
        if not stream.recv(100):
            raise RuntimeError("the far end did not get everything")


def receive(stream, size):
    while size > 0:
        block = stream.recv(1 << 20)
        if not block:
            raise RuntimeError("the stream ended early")
        size -= len(block)


def send(stream, size):
    block = bytes(1 << 16)
    while size > 0:
        piece = block[: min(size, len(block))]
        stream.sendall(piece)
        size -= len(piece)


def idle(seconds):
    """Joined, and nobody does anything."""
    with harness.Gateway(log_level="warning", **{"baud-rate": 921600, "flow-control": "rts-cts"}) as host:
        host.join()
        process = Process(host.daemon.pid)
        time.sleep(min(5, seconds))
        before, begin = process.wake_ups(), time.monotonic()
        time.sleep(seconds)
        woken = (process.wake_ups() - before) / (time.monotonic() - begin)
        yield figures.Figure("wake-ups per second, idle", woken, "1/s", goal=1.0, at_most=True)
        yield from memory_figures("at idle", process, (16, 6))
        with streams.all_of([streams.Datagrams(), *(streams.Endless() for _ in range(streams.TCP_LINKS))]):
            time.sleep(min(5, seconds))
            yield from memory_figures("with 5 busy links", process)
        yield from queued(host, process, 1000)


def queued(host, process, count):
    """All links for TCP in use, and connects that wait for one."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, count + 500), most))
    with contextlib.ExitStack() as sockets:
        for _ in range(streams.TCP_LINKS):
            sockets.enter_context(streams.Echo())
        for _ in range(count):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            if waiting.connect_ex((harness.WEB, 7)) not in (0, errno.EINPROGRESS):
                raise RuntimeError("a connect failed at once")

        def waiters():
            return len(json.loads(streams.network_call(host, "ListWaiters"))["data"][0])

        harness.wait_for(lambda: waiters() >= count - 10, f"{count} flows wait for a link", 30)
        yield from memory_figures(f"with {count} queued SYNs", process)


def start(count):
    with harness.Gateway(log_level="warning") as host:
        times = [host.start_seconds]
        for _ in range(count - 1):
            host.stop_daemon()
            host.start_daemon()
            times.append(host.start_seconds)
    yield figures.Figure(
        "start to READY=1", statistics.median(times) * 1000, "ms", goal=100, at_most=True, limit="loading the libraries, the bus"
    )


def recovery():
    """A reset of the module: its boot takes 0.6 s, its join 1.3 s."""
    timing = {"boot-ms": 600, "associate-ms": 300, "dhcp-ms": 1000}
    world = {**harness.default_world(), "timing": timing}
    with harness.Gateway(world=world, log_level="warning", **{"baud-rate": 921600, "flow-control": "rts-cts"}) as host:
        host.join()
        with figures.Busy() as busy:
            begin = time.monotonic()
            host.module.control(do="reset")
            harness.wait_for(lambda: state(host) != "ready", "the reset is noticed")
            harness.wait_for(lambda: state(host) == "ready", "the module is ready again")
            ready = time.monotonic() - begin
            harness.wait_for(can_connect, "flows are possible again", 60)
            flows = time.monotonic() - begin
    boot, join = timing["boot-ms"] / 1000, (timing["associate-ms"] + timing["dhcp-ms"]) / 1000
    yield figures.Figure(
        "reset of the module to state ready", ready, "s", goal=boot + 1, at_most=True, ceiling=boot, busy=busy.share,
        limit=f"boot {boot:g} s, then the settings, each a command",
    )  # fmt: skip
    yield figures.Figure(
        "ready to first connection", flows - ready, "s", goal=join + 0.2, at_most=True, ceiling=join, busy=busy.share, limit=f"join {join:g} s"
    )


def state(host):
    path = "/org/espat1/module/esp0"
    result = host.run("busctl", "--system", "get-property", "org.espat1", path, "org.espat1.Module", "State", check=False)
    return result.stdout.strip().removeprefix('s "').removesuffix('"')


def can_connect():
    try:
        streams.connect(7).close()
        return True
    except OSError:
        return False
