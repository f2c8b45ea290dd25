"""Load on esp0: transfers by curl, endless streams in the background, requests, and what the daemon counts of them."""

import concurrent.futures
import contextlib
import json
import socket
import threading
import time

import harness

TCP_LINKS = 4  # of the module's five: one is kept for the UDP flows


def connect(port):
    stream = socket.create_connection((harness.WEB, port), timeout=60)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def curl_download(host, size):
    begin = time.monotonic()
    data = host.fetch(f"/bytes/{size}", timeout=600)
    if len(data) != size:
        raise RuntimeError(f"{len(data)} bytes of {size} came")
    return time.monotonic() - begin


def curl_upload(host, size):
    file = host.directory / "upload"
    file.write_bytes(bytes(size))
    begin = time.monotonic()
    host.run("curl", "-sS", "--fail", "-H", "Expect:", "-T", file, f"http://{harness.WEB}/", timeout=600)
    return time.monotonic() - begin


class Background:
    """A stream that goes on in a thread as long as the context lasts."""

    port = 0

    def __enter__(self):
        self._stream = connect(self.port)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._stream.close()

    def _work(self):
        with contextlib.suppress(OSError):
            self._stream.settimeout(None)
            self._go_on()


class Endless(Background):
    """A download that never ends."""

    port = 19

    def _go_on(self):
        while self._stream.recv(65536):
            pass


class Upload(Background):
    """An upload that never ends."""

    port = 5001

    def _go_on(self):
        self._stream.sendall(b"1000000000000\n")
        block = bytes(65536)
        while True:
            self._stream.sendall(block)


class Datagrams(Background):
    """Datagrams to the echo service and back, one after the other."""

    def __enter__(self):
        self._stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._stream.connect((harness.WEB, 7))
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def _go_on(self):
        self._stream.settimeout(5)
        while True:
            self._stream.send(bytes(512))
            self._stream.recv(2048)


@contextlib.contextmanager
def all_of(contexts):
    with contextlib.ExitStack() as stack:
        for context in contexts:
            stack.enter_context(context)
        yield


class Echo:
    """One connection to the echo service."""

    def __enter__(self):
        self._stream = connect(7)
        return self

    def __exit__(self, *_):
        self._stream.close()

    def ask(self, size):
        """Sends so many bytes and waits for all of them; the seconds that took."""
        begin = time.monotonic()
        self._stream.sendall(bytes(size))
        left = size
        while left:
            block = self._stream.recv(left)
            if not block:
                raise RuntimeError("the echo service closed the connection")
            left -= len(block)
        return time.monotonic() - begin


def short_connections(host, count, at_once):
    """How many of the fetches failed, and the seconds that all took."""

    def fetch(number):
        return host.run("curl", "-sS", "--fail", "-o", "/dev/null", f"http://{harness.WEB}/bytes/{100 + number}", check=False, timeout=300).returncode

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        failed = sum(status != 0 for status in pool.map(fetch, range(count)))
    return failed, time.monotonic() - begin


def network_call(host, method):
    path = "/org/espat1/module/esp0"
    return host.run("busctl", "--system", "--json=short", "call", "org.espat1", path, "org.espat1.Network", method).stdout


def counters_text(host):
    return network_call(host, "GetCounters")


def sent_by_link(host):
    """Bytes of each open link that the module has taken."""
    links = json.loads(network_call(host, "ListLinks"))["data"][0]
    return {link["link"]["data"]: link["bytes-sent"]["data"] for link in links if link["type"]["data"] == "tcp"}


def rates_of_module(host, seconds, begin=1):
    """Bytes per second that the module delivered and took, from the daemon's counters, from `begin` seconds on."""

    def read():
        counted = json.loads(counters_text(host))["data"][0]
        return time.monotonic(), counted["bytes-received"], counted["bytes-sent"]

    time.sleep(begin)
    begin, received, sent = read()
    time.sleep(seconds)
    end, received_then, sent_then = read()
    return (received_then - received) / (end - begin), (sent_then - sent) / (end - begin)
