"""A host for espat-sim in a few lines: starts it, speaks to its pty, and knows what a peer in the network is."""

import json
import os
import select
import socket
import subprocess
import tempfile
import termios
import time
import tty

RATES = {115200: termios.B115200, 230400: termios.B230400, 921600: termios.B921600}
WORLD = {
    "access-points": [
        {"ssid": "home", "psk": "secret12", "channel": 5, "rssi": -40, "bssid": "10:01:00:c4:0a:51",
         "dhcp": {"address": "127.0.0.1", "gateway": "127.0.0.1", "netmask": "255.0.0.0", "dns": ["127.0.0.1"]}},
        {"ssid": "open", "channel": 11, "rssi": -70, "bssid": "10:01:00:c4:0a:52"},
    ],
    "dns": {"records": {"host.test": "127.0.0.1", "gone.test": []}, "ask-servers": False},
    "ping": {"127.0.0.1": 5, "127.0.0.9": None},
    "timing": {"boot-ms": 100, "associate-ms": 30, "dhcp-ms": 30, "scan-ms": 100, "connect-ms": 1500, "ping-ms": 200},
}


class Module:
    def __init__(self, *options, dialect="esp32-v4", nvs=None, surroundings=None):
        self.directory = tempfile.TemporaryDirectory()
        path = lambda name: os.path.join(self.directory.name, name)
        with open(path("world.json"), "w") as world:
            json.dump(surroundings or WORLD, world)
        self.nvs = nvs or path("nvs.json")
        self.control_path = path("control")
        self.link = path("tty")
        self.process = subprocess.Popen(
            [os.environ["ESPAT_SIM"], "--world", path("world.json"), "--link", self.link, "--dialect", dialect,
             "--nvs", self.nvs, "--control", self.control_path, *options], stdout=subprocess.PIPE, text=True)
        self.greeting = self.process.stdout.readline()
        self.fd = os.open(self.link, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        self.set_rate(115200)

    def close(self):
        self.process.terminate()
        status = self.process.wait(5)
        self.process.stdout.close()
        os.close(self.fd)
        left = os.path.lexists(self.link)
        self.directory.cleanup()
        return status, left

    def set_rate(self, rate, flow_control=False):
        settings = termios.tcgetattr(self.fd)
        settings[4] = settings[5] = RATES[rate]
        settings[2] = settings[2] & ~termios.CRTSCTS | (termios.CRTSCTS if flow_control else 0)
        termios.tcsetattr(self.fd, termios.TCSANOW, settings)

    def write(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def until(self, *ends, limit=5.0):
        """Reads until the output ends with one of `ends`."""
        out, deadline = b"", time.monotonic() + limit
        while not out.endswith(ends):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {ends} within {limit} s, only {out!r}")
            out += os.read(self.fd, 1)
        return out

    def quiet(self, seconds=0.15):
        """Everything that comes until the module has been silent so long."""
        out = b""
        while select.select([self.fd], [], [], seconds)[0]:
            out += os.read(self.fd, 65536)
        return out

    def ask(self, command, limit=5.0):
        self.write(command if isinstance(command, bytes) else command.encode() + b"\r\n")
        return self.until(b"OK\r\n", b"ERROR\r\n", b"\r\n\r\n>", b"SEND FAIL\r\n", limit=limit) + self.quiet(0.03)

    def ready(self):
        self.until(b"\r\nready\r\n")
        assert self.ask("ATE0") == b"ATE0\r\n\r\nOK\r\n"
        return self

    def join(self):
        self.ask("AT+CWMODE=1")
        answer = self.ask('AT+CWJAP="home","secret12"')
        assert answer == b"WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n", answer
        return self

    def order(self, **order):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.control_path)
            control.sendall(json.dumps(order).encode() + b"\n")
            return json.loads(control.makefile().readline())


def listen():
    """A TCP server of the far end and its port."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(5)
    return server, server.getsockname()[1]
