"""Namespaces of one's own, without root: the gateway, in which the calling program itself continues, and others beside it.

Everything that is started inside dies with the program, however it ends: the PID namespace is killed as a whole.
"""

import os
import pathlib
import subprocess
import sys
import time

MARK = "ESPAT_GATEWAY_NAMESPACE"


def enter():
    """Starts the calling program again in new user, network, mount and PID namespaces, once."""
    if os.environ.get(MARK) == str(os.getpid()):
        return
    # The mark holds the process id inside (1), so it means nothing to programs started from in there.
    os.environ[MARK] = "1"
    command = "unshare --user --map-root-user --net --mount --pid --fork --kill-child --mount-proc --".split()
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def run(*command, **options):
    """Runs a command that must succeed and returns its standard output."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def replace_file(path, replacement):
    """Lays a file over one of the system's, for this mount namespace only."""
    if pathlib.Path(path).exists():
        run("mount", "--bind", replacement, os.path.realpath(path))


class NetworkNamespace:
    """Another host: a network namespace with its own loopback device."""

    def __init__(self):
        self._holder = subprocess.Popen(["unshare", "--net", "--", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        self.pid = self._holder.pid
        self.path = f"/proc/{self.pid}/ns/net"
        ours = os.readlink("/proc/self/ns/net")
        limit = time.monotonic() + 10
        while os.readlink(self.path) == ours:
            if time.monotonic() > limit:
                raise RuntimeError("no second network namespace after 10 s")
            time.sleep(0.005)
        self.run("ip", "link", "set", "lo", "up")

    def inside(self, *command):
        """The command line that runs a command in there. The process that it makes is the command itself."""
        return ["nsenter", f"--net={self.path}", "--", *map(str, command)]

    def run(self, *command, **options):
        return run(*self.inside(*command), **options)

    def add_addresses(self, addresses):
        for address in sorted(set(addresses)):
            self.run("ip", "address", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo")

    def add_void(self):
        """What is sent to any other address vanishes without an answer, as in a network with a dead host."""
        self.run("ip", "tuntap", "add", "dev", "void", "mode", "tun")  # nobody reads from it
        self.run("ip", "link", "set", "void", "up")
        for family in ("-4", "-6"):
            self.run("ip", family, "route", "add", "default", "dev", "void")

    def close(self):
        self._holder.kill()
        self._holder.wait()
