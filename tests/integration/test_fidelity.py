#!/usr/bin/python3
"""What a program's sockets see is what the far end did, as far as the module tells: errors, ends of streams, probes, traceroute."""

import contextlib
import errno
import hashlib
import re
import socket
import struct
import time

import far_world
import harness

ECHO = (harness.WEB, 7)


class Sockets(harness.GatewayTest):
    def connect(self, remote=ECHO, timeout=30.0):
        connection = socket.create_connection(remote, timeout)
        self.addCleanup(connection.close)
        return connection

    @contextlib.contextmanager
    def fails_with(self, number):
        with self.assertRaises(OSError) as caught:
            yield
        self.assertEqual(caught.exception.errno, number, caught.exception)


class Fidelity(Sockets):
    def established(self, port):
        """Connections that a service of the far world has."""
        return self.gateway.far.run("ss", "-Htn", "state", "established", f"( sport = :{port} )").splitlines()

    # How a connect fails.

    def test_a_closed_port_is_refused(self):
        with self.fails_with(errno.ECONNREFUSED):
            self.connect((harness.WEB, 9))

    def test_a_program_that_waits_shortly_gets_its_own_time_out(self):
        connection = socket.socket()
        self.addCleanup(connection.close)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
        with self.fails_with(errno.ETIMEDOUT):
            connection.connect((harness.DEAD, 80))

    def test_without_a_network_there_is_no_route(self):
        self.addCleanup(self.gateway.join)
        self.gateway.espatctl("disconnect")
        harness.wait_for(lambda: not self.gateway.address(), "the address is withdrawn")
        with self.fails_with(errno.ENETUNREACH):
            self.connect()

    def test_another_protocol_is_unreachable(self):
        sctp = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
        self.addCleanup(sctp.close)
        sctp.settimeout(10)
        sctp.connect((harness.WEB, 0))
        sctp.send(bytes(12))
        with self.fails_with(errno.ENOPROTOOPT):
            sctp.recv(100)

    # How a stream ends.

    def test_an_answer_comes_after_the_programs_own_end(self):
        data = far_world.pattern(30000)
        connection = self.connect((harness.WEB, 5001))
        connection.sendall(b"%d\n" % len(data) + data)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile().read()
        self.assertEqual(answer.split(), [str(len(data)), hashlib.sha256(data).hexdigest()])

    def test_a_program_that_sends_after_the_far_ends_end_is_reset(self):
        connection = self.connect((harness.WEB, 5003))
        connection.send(b"x")
        self.assertEqual(connection.recv(10), b"", "the module tells FIN and RST alike")
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            for _ in range(100):
                connection.send(b"too late")
                time.sleep(0.05)

    def test_a_reset_by_the_program_closes_the_far_end(self):
        connection = self.connect()
        connection.sendall(b"hello")
        self.assertEqual(connection.recv(10), b"hello")
        self.assertEqual(len(self.established(7)), 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        harness.wait_for(lambda: not self.established(7), "the far end is closed")

    def test_a_lost_network_is_a_reset_and_no_end(self):
        connection = self.connect((harness.WEB, 19))
        self.assertTrue(connection.recv(1))
        point = self.gateway.module.access_point
        self.gateway.module.control(do="ap-down", ssid=point["ssid"])
        self.addCleanup(self.gateway.wait_for_address, timeout=90)
        self.addCleanup(self.gateway.module.control, do="ap-change", ssid=point["ssid"])  # it is there again
        with self.assertRaises(ConnectionResetError):
            while connection.recv(65536):
                pass

    def test_keep_alive_probes_hold_an_idle_connection(self):
        connection = self.connect()
        for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        time.sleep(6)
        connection.sendall(b"still there")
        self.assertEqual(connection.recv(100), b"still there")

    # What the tools of network people show.

    def hops(self, *command):
        """The second column of what traceroute prints, by hop."""
        lines = self.gateway.run("traceroute", "-n", "-m", "3", "-q", "1", "-N", "1", *command, harness.WEB).stdout.splitlines()
        return [line.split()[1] for line in lines[1:]]

    def test_traceroute_sees_the_router_and_tracepath_the_mtu(self):
        router = self.gateway.module.access_point["dhcp"]["gateway"]
        # The module tells nothing of routers farther away, and nothing of ports that are closed.
        self.assertEqual(self.hops("-w", "1"), [router, "*", "*"])
        self.assertEqual(self.hops("-T", "-p", "80", "-w", "5"), [router, harness.WEB])
        self.assertEqual(self.hops("-I", "-w", "5"), [router, harness.WEB])
        path = self.gateway.run("tracepath", "-n", "-m", "2", harness.WEB).stdout
        self.assertRegex(path, r"pmtu 1500")
        self.assertRegex(path, rf"(?m)^ 1: +{re.escape(router)} ")


class HalfClosedSilence(Sockets):
    options = {**harness.GatewayTest.options, "interface": {"half-closed-silence": 2}}

    def test_a_connection_closes_after_the_silence_that_the_configuration_says(self):
        connection = self.connect()
        connection.settimeout(20)  # less than what it is without the configuration
        connection.sendall(b"hello")
        self.assertEqual(connection.recv(10), b"hello")
        connection.shutdown(socket.SHUT_WR)
        self.assertEqual(connection.recv(10), b"")


class WithoutTimeout(Sockets):
    """Firmware whose connects cannot be given a time: they hang for as long as the module likes."""

    options = {**harness.GatewayTest.options, "dialect": "esp32-v4"}

    def test_a_silent_host_is_unreachable_in_the_end(self):
        with self.fails_with(errno.EHOSTUNREACH):
            self.connect((harness.DEAD, 80), 120)


if __name__ == "__main__":
    harness.main()
