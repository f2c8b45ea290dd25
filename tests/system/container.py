"""A Debian that boots for a test and forgets everything afterwards (systemd-nspawn; root, but no systemd on the host).

The tree is made once by debootstrap and kept in the cache; each boot lays a volatile overlay over it. What makes nspawn enforce the
service's device and address rules inside: the unified hierarchy, and bpf allowed through its own filter.
"""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

CACHE = pathlib.Path(os.environ.get("ESPAT_TEST_CACHE", "/var/cache/espat-tests"))
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}


def output(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


def this_release():
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip('"')
    raise RuntimeError("this is not Debian")


def mirror(release):
    """Where this machine's own apt gets the release from."""
    targets = output("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    for line in targets.splitlines():
        uri, name, component = (line.split() + ["", "", ""])[:3]
        if name == release and component == "main":
            return uri
    raise RuntimeError(f"apt knows no archive for {release}")


def tree(packages):
    """A directory with that Debian and these packages, from the cache or made now."""
    release = this_release()
    names = sorted(set(packages))
    key = hashlib.sha256(" ".join([release, *names]).encode()).hexdigest()[:12]
    ready = CACHE / f"{release}-{key}"
    if not ready.exists():
        fresh = CACHE / f"{release}-{key}.{os.getpid()}.new"
        CACHE.mkdir(parents=True, exist_ok=True)
        print(f"making a {release} in {ready} (once)", flush=True)
        try:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={','.join(names)}", release, str(fresh), mirror(release)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
            fresh.rename(ready)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return ready


class Container:
    def __init__(self, root, log, *binds):
        self.name = f"espat-test-{os.getpid()}"
        self._root, self._log, self._binds = root, log, binds
        base = pathlib.Path("/sys/fs/cgroup/unified")
        self._group = (base if base.is_dir() else base.parent) / self.name
        self._nspawn = self.leader = None

    def boot(self):
        self._group.mkdir(exist_ok=True)
        command = ["systemd-nspawn", "--register=no", "--keep-unit", "-M", self.name, "-D", self._root, "--volatile=overlay", "--boot"]
        command += ["--private-network", "--link-journal=no", "--bind=/dev/net/tun", "--capability=all", "--system-call-filter=bpf"]
        command += ["--console=pipe", *(f"--bind={bind}" for bind in self._binds)]
        script = 'echo $$ >"$0/cgroup.procs"; exec "$@"'
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                ["setsid", "sh", "-c", script, str(self._group), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        limit = time.monotonic() + 60
        while not self._is_up():
            if self._nspawn.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"the container did not boot\n{self._log.read_text(errors='replace')}")
            time.sleep(0.05)
        state = self.run("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
        if state != "running":
            failed = self.run("systemctl", "--failed", "--no-pager", check=False).stdout
            raise RuntimeError(f"the container's state is {state}\n{failed}")

    def _is_up(self):
        children = pathlib.Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        try:
            self.leader = children.read_text().split()[0]
        except (OSError, IndexError):
            return False
        return pathlib.Path(f"/proc/{self.leader}/root/run/systemd/private").exists()

    def run(self, *command, check=True, timeout=120, user=None, **options):
        """Runs a command inside, as root or as somebody else."""
        if user:
            command = ("runuser", "-u", user, "--", *command)
        enter = ["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-C", "--root", "--wd", "--"]
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        result = subprocess.run(
            [*enter, *map(str, command)], capture_output=True, text=True, env=ENVIRONMENT, timeout=timeout, check=False, **options
        )
        if check and result.returncode:
            raise AssertionError(f"{' '.join(map(str, command))}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def write(self, path, text):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$0")" && cat >"$0"', path, input=text)

    def copy_in(self, file):
        """Puts a file of the host into /root of the container; its path there."""
        target = f"/root/{file.name}"
        with file.open("rb") as data:
            enter = ["nsenter", "-t", self.leader, "-m", "-p", "--root", "--wd", "--"]
            subprocess.run([*enter, "sh", "-c", 'cat >"$0"', target], stdin=data, env=ENVIRONMENT, check=True)
        return target

    def power_off(self):
        if self._nspawn and self._nspawn.poll() is None:
            try:
                if self.leader:
                    os.kill(int(self.leader), signal.SIGRTMIN + 4)
                else:
                    self._nspawn.terminate()
                self._nspawn.wait(30)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                self._nspawn.kill()
                self._nspawn.wait()
        for group in (self._group, pathlib.Path("/sys/fs/cgroup/systemd") / self.name):
            subprocess.run(["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], stderr=subprocess.DEVNULL, check=False)
