"""A gateway with a simulated module, for integration tests and the demo: everything real but the module.

The test program itself runs in the gateway's namespaces (namespaces.py): espatd, espatctl and the programs that use esp0 are
started there. The simulator and the servers (far_world.py) run in a second network namespace, so the only way from one to the other is
the serial line. The bus is a private dbus-daemon.

A test is a class derived from GatewayTest in a file test_*.py that ends with `harness.main()`. The programs come from the environment:
ESPATD, ESPATCTL, ESPAT_SIM (CTest sets them), or from build/release.
"""

import contextlib
import ipaddress
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import namespaces

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WEB = "198.51.100.10"  # the servers of far_world.py
DEAD = "203.0.113.9"  # nobody answers, not even with an error
WEB6 = "2001:db8:99::10"  # the same servers, and a name server
NEAR = "fe80::1"  # and once more, in the module's own network
DEAD6 = "2001:db8:dead::9"
NAMES = {"www.espat.example": WEB, "mail.espat.example": "198.51.100.25", "both.espat.example": WEB}
NAMES6 = {"six.espat.example": WEB6, "both.espat.example": WEB6}
PROGRAMS = {"ESPATD": "daemon/espatd", "ESPATCTL": "cli/espatctl", "ESPAT_SIM": "tests/simulator/espat-sim"}
PROGRAMS["ESPAT_HOST_CLOCK"] = "tests/integration/libespat-host-clock.so"  # preloaded by tls_gateway.py

BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="false"/>
<allow receive_sender="*"/><allow send_type="method_call"/></policy></busconfig>
"""


def default_world():
    """One access point with a network behind it."""
    return {
        "access-points": [
            {
                "ssid": "Workshop",
                "psk": "correct horse",
                "bssid": "24:6f:28:aa:00:01",
                "channel": 6,
                "dhcp": {
                    "address": "192.168.77.20",
                    "gateway": "192.168.77.1",
                    "netmask": "255.255.255.0",
                    "dns": ["192.168.77.1"],
                },
            }
        ],
        "dns": {"records": NAMES},
    }


def ipv6_address(prefix, mac="24:6f:28:0a:56:01"):
    """The address of a module with that MAC address (the simulator's, if none is told) in a prefix such as "fe80::/64"."""
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    identifier = int.from_bytes(octets[:3] + b"\xff\xfe" + octets[3:], "big")
    return str(ipaddress.IPv6Network(prefix)[identifier])


def program(name):
    path = pathlib.Path(os.environ.get(name) or SOURCE / "build/release" / PROGRAMS[name])
    if not path.exists():
        raise FileNotFoundError(f"{path}: not built (set {name} to use another)")
    return path


def load_world(path):
    """A world file as a dictionary; it may hold comments."""
    text = pathlib.Path(path).read_text()
    kept = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda match: match.group(1) or "", text, flags=re.DOTALL)
    return json.loads(kept)


def wait_for(condition, what, timeout=20.0):
    """Waits until the condition gives something true and returns that."""
    limit = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {timeout:g} s in vain until {what}")
        time.sleep(0.02)
    return value


class Process:
    """A program in the background with its output in a file; stopped with SIGTERM, and only if it is ours."""

    def __init__(self, name, command, directory, **options):
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", log),
                stderr=log,
                **options,
            )

    @property
    def pid(self):
        return self.popen.pid

    def wait_for_line(self, timeout=20.0):
        """The first line that the program prints (needs stdout=subprocess.PIPE)."""
        ready, _, _ = select.select([self.popen.stdout], [], [], timeout)
        line = self.popen.stdout.readline().decode() if ready else ""
        if not line:
            raise RuntimeError(f"{self.name} said nothing within {timeout:g} s:\n{self.text()}")
        return line.strip()

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, timeout=10.0):
        """Ends the program in an orderly way; the exit status, or an exception if it had to be killed."""
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise RuntimeError(f"{self.name} did not end within {timeout:g} s of SIGTERM") from None
        finally:
            if self.popen.stdout:
                self.popen.stdout.close()


class Module:
    """One simulated module in the far world, with a serial port in this one."""

    def __init__(self, name, directory, far, world=None, dialect="esp32c61", options=()):
        self.name = name
        self.directory = directory
        self.port = directory / f"{name}.tty"
        self.control_socket = directory / f"{name}.control"
        self.world = world or default_world()
        self._far, self._dialect, self._options = far, dialect, list(options)
        self.process = None

    def start(self):
        file = self.directory / f"{self.name}.world.json"
        file.write_text(json.dumps(self.world))
        command = [program("ESPAT_SIM"), "--world", file, "--link", self.port, "--dialect", self._dialect]
        command += ["--nvs", self.directory / f"{self.name}.nvs", "--control", self.control_socket, *self._options]
        self.process = Process(f"espat-sim.{self.name}", self._far.inside(*command), self.directory, stdout=subprocess.PIPE)
        self.process.wait_for_line()

    def flash(self, dialect, options=()):
        """Another firmware, from the next start on."""
        self._dialect, self._options = dialect, list(options)

    def control(self, **request):
        """Tells the simulator to change its world; the answer as a dictionary."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(self.control_socket))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = connection.makefile().readline()
        answer = json.loads(answer)
        if answer.get("error"):
            raise RuntimeError(f"the simulator refused {request}: {answer['error']}")
        return answer

    @property
    def access_point(self):
        return self.world["access-points"][0]


class Gateway:
    """The two hosts. Use as a context manager, or start() and stop()."""

    name = "esp0"  # of its module, and so of its interface: two gateways may share the test's namespaces

    def __init__(self, world=None, dialect="esp32c61", simulator_options=(), log_level="debug", **module_configuration):
        self._simulator_options, self._dialect, self._world = simulator_options, dialect, world
        self._log_level = log_level
        self._module_configuration = module_configuration
        self._cleanup = contextlib.ExitStack()
        self.daemon = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, daemon=True):
        try:
            self._start_world()
            self._start_bus()
            if daemon:
                self.start_daemon()
        except BaseException:
            print(self.logs(), file=sys.stderr)
            self.stop()
            raise

    def _start_world(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="espat-"))
        self._cleanup.callback(shutil.rmtree, self.directory, ignore_errors=True)
        namespaces.run("ip", "link", "set", "lo", "up")
        # Several tests may run in one program: what the last one made is gone, the namespaces stay.
        self.far = namespaces.NetworkNamespace()
        self._cleanup.callback(self.far.close)
        self.module = Module(self.name, self.directory, self.far, self._world, self._dialect, self._simulator_options)
        addresses = [WEB, WEB6, NEAR, ipv6_address("fe80::/64")]
        name_server = WEB
        for point in self.module.world["access-points"]:
            dhcp = point.get("dhcp") or {}
            name_server = (dhcp.get("dns") or [name_server])[0]
            addresses += [ipv6_address(point["ipv6"]["prefix"])] if "ipv6" in point else []
            addresses += [dhcp[key] for key in ("address", "gateway") if key in dhcp] + dhcp.get("dns", [])
        self.name_server = name_server
        self.far.add_addresses(addresses)
        self.far.add_void()
        servers = Process(
            "far-world",
            self.far.inside(
                sys.executable,
                pathlib.Path(__file__).with_name("far_world.py"),
                f"{WEB},{WEB6},{NEAR}%lo",
                f"{name_server},{WEB6}",
                *(f"{name}={address}" for name, address in (*NAMES.items(), *NAMES6.items())),
            ),
            self.directory,
            stdout=subprocess.PIPE,
        )
        self._cleanup.callback(servers.stop)
        servers.wait_for_line()
        self.module.start()
        self._cleanup.callback(lambda: self.module.process.stop())
        self._use_name_server(name_server)

    def _use_name_server(self, address):
        """Programs of the gateway ask the far world's name server and nobody else."""
        for path, text in (
            ("/etc/resolv.conf", f"nameserver {address}\noptions timeout:3 attempts:2\n"),
            ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
        ):
            file = self.directory / pathlib.Path(path).name
            file.write_text(text)
            namespaces.replace_file(path, file)
            self._cleanup.callback(subprocess.run, ["umount", os.path.realpath(path)], check=False, capture_output=True)

    def _start_bus(self):
        path = self.directory / "bus"
        configuration = self.directory / "bus.conf"
        configuration.write_text(BUS_CONFIGURATION.format(socket=path))
        command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address=1"]
        bus = Process("dbus-daemon", command, self.directory, stdout=subprocess.PIPE)
        self._cleanup.callback(bus.stop)
        bus.wait_for_line()
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}", "LC_ALL": "C.UTF-8"}

    def configuration(self):
        return {"modules": {self.name: {"port": str(self.module.port), **self._module_configuration}}}

    def start_daemon(self, wait_until_ready=True):
        """Starts espatd and waits for its READY=1. The time that took is in self.start_seconds."""
        file = self.directory / "espatd.json"
        file.write_text(json.dumps(self.configuration()))
        state = self.directory / "state"
        state.mkdir(exist_ok=True, mode=0o700)
        notify = self.directory / "notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(notify))
            begin = time.monotonic()
            command = [*self.daemon_wrapper(), program("ESPATD"), "--config", file, "--state-dir", state]
            command += ["--log-level", self._log_level]
            environment = {**self.environment, "NOTIFY_SOCKET": str(notify)}
            self.daemon = Process("espatd", command, self.directory, env=environment)
            self._cleanup.callback(self.stop_daemon)
            while wait_until_ready:
                ready, _, _ = select.select([listener], [], [], 0.1)
                if ready and b"READY=1" in listener.recv(4096).split(b"\n"):
                    break
                if self.daemon.popen.poll() is not None or time.monotonic() > begin + 60:
                    raise RuntimeError(f"espatd did not become ready\n{self.daemon.text()}")
            self.start_seconds = time.monotonic() - begin

    def check_daemon(self):
        """An exception if the daemon is gone without having been told to."""
        if self.daemon and self.daemon.popen.poll() is not None:
            raise RuntimeError(f"espatd ended by itself with status {self.daemon.popen.returncode}\n{self.daemon.text()}")

    def daemon_wrapper(self):
        """A command in front of the daemon's, such as valgrind."""
        return []

    def stop_daemon(self, timeout=10.0):
        daemon, self.daemon = self.daemon, None
        return daemon.stop(timeout) if daemon else None

    def stop(self):
        self._cleanup.close()

    def logs(self, lines=80):
        """What the programs said last, for the report of a failure."""
        text = ""
        for log in sorted(self.directory.glob("*.log")) if hasattr(self, "directory") else []:
            tail = log.read_text(errors="replace").splitlines()[-lines:]
            text += f"--- {log.name}\n" + "\n".join(tail) + "\n"
        return text

    # What happens in the gateway.

    def run(self, *command, check=True, timeout=60.0, **options):
        """Runs a program in the gateway and returns the completed process, output as text."""
        options.setdefault("text", True)
        options.setdefault("env", self.environment)
        result = subprocess.run([str(part) for part in command], capture_output=True, timeout=timeout, check=False, **options)
        if check and result.returncode:
            raise AssertionError(f"{' '.join(map(str, command))}: exit status {result.returncode}\n{result.stdout}\n{result.stderr}")
        return result

    def spawn(self, name, *command, **options):
        """Starts a program in the gateway; ended with it if it still runs."""
        options.setdefault("env", self.environment)
        process = Process(name, command, self.directory, **options)
        self._cleanup.callback(self._end, process)
        return process

    def spawn_far(self, name, *command, **options):
        """The same in the far world."""
        return self.spawn(name, *self.far.inside(*command), **options)

    @staticmethod
    def _end(process):
        process.popen.kill()
        process.popen.wait()
        if process.popen.stdout:
            process.popen.stdout.close()

    def espatctl(self, *arguments, **options):
        return self.run(program("ESPATCTL"), *arguments, **options)

    def espatctl_json(self, *arguments):
        return json.loads(self.espatctl("--json=short", *arguments).stdout)

    def join(self, point=None, timeout=30.0):
        """Joins an access point with espatctl and waits until the interface can be used."""
        point = point or self.module.access_point
        self.wait_until_ready()
        self.espatctl("-m", "esp0", "connect", point["ssid"], input=point.get("psk", "") + "\n", timeout=timeout)
        self.wait_for_address()

    def wait_until_ready(self, timeout=30.0):
        """Waits until the module's state is `ready`."""

        def is_ready():
            self.check_daemon()
            properties = self.run(
                *("busctl", "--system", "get-property", "org.espat1", f"/org/espat1/module/{self.name}", "org.espat1.Module", "State"),
                check=False,
            )
            return properties.stdout.strip() == 's "ready"'

        wait_for(is_ready, "the module is ready", timeout)

    def interface(self, name="esp0"):
        """The interface as `ip address` shows it, or None."""
        result = self.run("ip", "-json", "address", "show", "dev", name, check=False)
        return json.loads(result.stdout)[0] if result.returncode == 0 else None

    def address(self, name="esp0"):
        interface = self.interface(name) or {"addr_info": []}
        return next((entry["local"] for entry in interface["addr_info"] if entry["family"] == "inet"), None)

    def ipv6_addresses(self, name="esp0"):
        """Those of the interface, with prefix length."""
        interface = self.interface(name) or {"addr_info": []}
        return {f"{entry['local']}/{entry['prefixlen']}" for entry in interface["addr_info"] if entry["family"] == "inet6"}

    def wait_for_ipv6(self, timeout=20.0):
        """Waits until esp0 has a default route for IPv6, which comes with the module's global address."""
        command = ["ip", "-6", "route", "show", "default", "dev", "esp0"]
        wait_for(lambda: self.run(*command).stdout, "esp0 has a default route for IPv6", timeout)

    def wait_for_address(self, address=None, timeout=20.0):
        """Waits until esp0 has an address (this one, if given), carrier and a default route."""

        def is_usable():
            self.check_daemon()
            have = self.address()
            if not have or (address and have != address):
                return None
            routes = self.run("ip", "route", "show", "default", "dev", "esp0").stdout
            flags = (self.interface() or {}).get("flags", [])
            return have if routes and "LOWER_UP" in flags else None

        return wait_for(is_usable, f"esp0 has {address or 'an address'}", timeout)

    def fetch(self, path, *options, **run_options):
        """Fetches from the far web server with curl; the bytes."""
        return self.run("curl", "-sS", "--fail", *options, f"http://{WEB}{path}", text=False, **run_options).stdout


def problems(result):
    return len(result.failures) + len(result.errors)


class GatewayTest(unittest.TestCase):
    """The tests of a class share a gateway, joined to its access point. Set the class's attributes to get another one."""

    options = {"baud-rate": 921600, "flow-control": "rts-cts"}  # for Gateway
    joined = True
    gateway_class = Gateway

    @classmethod
    def setUpClass(cls):
        cls.gateway = cls.gateway_class(**cls.options)
        cls.gateway.start()
        cls.addClassCleanup(cls.gateway.stop)
        if cls.joined:
            try:
                cls.gateway.join()
            except BaseException:
                print(cls.gateway.logs(), file=sys.stderr)
                raise

    def run(self, result=None):
        before = problems(result)
        super().run(result)
        if problems(result) > before:
            print(self.gateway.logs(), file=sys.stderr)

    def assert_stops_cleanly(self, seconds=1.0):
        """SIGTERM ends the daemon with status 0 in that time, and the interface is gone."""
        begin = time.monotonic()
        self.assertEqual(self.gateway.stop_daemon(), 0)
        self.assertLess(time.monotonic() - begin, seconds)
        self.assertIsNone(self.gateway.interface())


def main():
    """To be called by a test file: enters the namespaces and runs its tests."""
    namespaces.enter()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main(verbosity=2)


def duration_of(call):
    """How long a call takes, and what it returns."""
    begin = time.monotonic()
    value = call()
    return time.monotonic() - begin, value


def numbers(text):
    return [float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?", text)]
