#!/usr/bin/python3
"""What programs send: fairly shared, never twice, and a keystroke does not wait behind bulk. Judged by counts, not by the clock."""

import contextlib
import hashlib
import json
import re
import socket
import sys
import threading

import far_world
import harness

TELL = f"import socket; print(socket.create_connection(('{harness.WEB}', 5005)).makefile().read())"


def drain(connection):
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


class SendingTest(harness.GatewayTest):
    """With a trace of all commands."""

    def tally(self, name):
        """What a taker of the far world has got so far."""
        told = self.gateway.run(*self.gateway.far.inside(sys.executable, "-c", TELL)).stdout
        return json.loads(told).get(name, {"bytes": 0, "sha256": "", "ended": False})

    def taker(self, name, count=0, seconds=0.0):
        connection = socket.create_connection((harness.WEB, 5004), timeout=60)
        connection.sendall(f"{name} {count} {seconds}\n".encode())
        return connection

    def sends(self, command):
        """The lengths of all sends that the daemon has made with that command."""
        return [int(length) for length in re.findall(rf"> AT\+{command}=\d,(\d+)\n", self.gateway.daemon.text())]

    def upload(self, size):
        file = self.gateway.directory / "upload"
        file.write_bytes(far_world.pattern(size))
        answer = self.gateway.run("curl", "-sS", "-H", "Expect:", "-T", file, f"http://{harness.WEB}/", timeout=120).stdout
        self.assertEqual(answer.strip(), hashlib.sha256(far_world.pattern(size)).hexdigest())

    @contextlib.contextmanager
    def bulk(self, *names):
        """Uploads without end to takers of these names, until left."""
        connections = [self.taker(name) for name in names]
        stop = threading.Event()

        def pour(connection):
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    connection.sendall(bytes(4096))

        threads = [threading.Thread(target=pour, args=(connection,)) for connection in connections]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for connection in connections:
                connection.close()
            for thread in threads:
                thread.join()

    @contextlib.contextmanager
    def datagrams(self, name):
        """Datagrams to a taker, more than their share of the line, until left."""
        stop = threading.Event()

        def pour():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                while not stop.wait(0.01):
                    sender.sendto(name.encode().ljust(1400), (harness.WEB, 5004))

        thread = threading.Thread(target=pour)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class LongSends(SendingTest):
    options = {"baud-rate": 921600, "flow-control": "rts-cts", "log_level": "trace"}

    def test_a_lone_upload_is_announced_up_to_half_a_second_ahead(self):
        self.upload(400000)
        longest = max(self.sends("CIPSENDL"))
        self.assertGreater(longest, 16384)
        self.assertLessEqual(longest, 46080)

    def test_an_upload_beside_a_download_stays_open_and_lets_others_in(self):
        # Prompts wait behind what is received, so one announcement is used for as long as nobody else speaks.
        with socket.create_connection((harness.WEB, 19), timeout=60) as download:
            threading.Thread(target=drain, args=(download,), daemon=True).start()
            with self.bulk("beside-a-download"):
                harness.wait_for(lambda: 1048576 in self.sends("CIPSENDL"), "the upload is left open", 60)
                self.assertEqual(socket.gethostbyname("www.espat.example"), harness.WEB)
            with self.bulk("beside-a-download-again"):
                harness.wait_for(lambda: self.sends("CIPSENDL").count(1048576) > 1, "the one after it, too", 60)
            self.assertIn("> +++\n", self.gateway.daemon.text())
            download.shutdown(socket.SHUT_RDWR)

    def test_five_uploads_at_once_get_equal_shares(self):
        # TCP gets four of the five links; the fifth carries all datagrams, and is one of those who share.
        names = [f"share-{number}" for number in range(4)]
        parties = [*names, "datagrams"]
        with self.bulk(*names), self.datagrams("datagrams"):
            harness.wait_for(lambda: all(self.tally(name)["bytes"] > 40000 for name in parties), "all five are under way", 60)
            before = [self.tally(name)["bytes"] for name in parties]
            harness.wait_for(lambda: sum(self.tally(name)["bytes"] for name in parties) > sum(before) + 600000, "they have sent more", 90)
            shares = [self.tally(name)["bytes"] - had for name, had in zip(parties, before, strict=True)]
        jain = sum(shares) ** 2 / (5 * sum(share * share for share in shares))
        print(f"shares {shares}, Jain's index {jain:.4f}", file=sys.stderr)
        self.assertGreaterEqual(jain, 0.95, shares)

    def test_a_send_that_fails_resets_its_program_and_no_byte_comes_twice(self):
        data = far_world.pattern(1000000)
        with self.taker("stuck", 30000, 25) as stuck, socket.create_connection((harness.WEB, 7), timeout=60) as echo:
            with self.assertRaises(ConnectionError):
                stuck.sendall(data)
                stuck.recv(1)
            # Nobody else is harmed by it, beyond the time in which the module stood still.
            echo.sendall(b"still here")
            self.assertEqual(echo.recv(100), b"still here")
        tally = harness.wait_for(lambda: (now := self.tally("stuck"))["ended"] and now, "the far end has taken what came", 60)
        self.assertGreaterEqual(tally["bytes"], 30000)
        self.assertEqual(tally["sha256"], hashlib.sha256(data[: tally["bytes"]]).hexdigest())

    def test_a_far_end_that_resets_in_the_middle_of_a_block_ends_the_upload_and_nothing_else(self):
        with socket.create_connection((harness.WEB, 5003), timeout=60) as connection, self.assertRaises(ConnectionError):
            connection.sendall(bytes(500000))
            connection.recv(1)
        self.upload(50000)

    def test_a_lookup_does_not_wait_for_the_end_of_an_upload(self):
        with self.bulk("beside-lookups"):
            harness.wait_for(lambda: self.tally("beside-lookups")["bytes"] > 50000, "the upload is under way", 60)
            before = self.tally("beside-lookups")["bytes"]
            for _ in range(5):
                self.assertEqual(socket.gethostbyname("www.espat.example"), harness.WEB)
            sent = self.tally("beside-lookups")["bytes"] - before
        # Each lookup may wait for one announcement; what lies in the buffers of the far world comes on top.
        self.assertLess(sent, 5 * 2 * 46080 + 65536)


class Keystrokes(SendingTest):
    """Without flow control, so in blocks."""

    options = {"baud-rate": 115200, "log_level": "trace"}

    def test_an_echo_goes_on_beside_a_bulk_upload(self):
        with socket.create_connection((harness.WEB, 7), timeout=60) as shell, self.bulk("beside-a-shell"):
            shell.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            harness.wait_for(lambda: self.tally("beside-a-shell")["bytes"] > 10000, "the upload is under way", 60)
            before = self.tally("beside-a-shell")["bytes"]
            echoes = 0
            while (sent := self.tally("beside-a-shell")["bytes"] - before) < 60000:
                for _ in range(5):
                    shell.sendall(b"x")
                    self.assertEqual(shell.recv(10), b"x")
                    echoes += 1
        # A block of 100 ms for each keystroke, and three for its way back and for this program's own pauses.
        self.assertGreaterEqual(echoes * 4 * 1152, sent)

    def test_a_lone_upload_goes_in_full_blocks_and_never_longer(self):
        self.upload(80000)
        self.assertIn(8192, self.sends("CIPSEND"))
        self.assertEqual([length for length in self.sends("CIPSEND") if length > 8192], [])
        self.assertEqual(self.sends("CIPSENDL"), [], "it loses data without flow control")


if __name__ == "__main__":
    harness.main()
