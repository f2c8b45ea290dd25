#!/usr/bin/python3
"""Datagrams through the one link that all of them share: lookups, time, CoAP, multicast DNS, a QUIC-like exchange, fragments."""

import contextlib
import hashlib
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import far_datagrams
import far_world
import harness

ECHO = (harness.WEB, 7)


def query(identifier, name, kind=1):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


class Datagrams(harness.GatewayTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        point = cls.gateway.module.access_point["dhcp"]
        cls.on_link = point["gateway"]
        cls.gateway.far.run("ip", "route", "add", "224.0.0.0/4", "dev", "lo")
        services = cls.gateway.spawn_far(
            "far-datagrams", sys.executable, pathlib.Path(far_datagrams.__file__), harness.WEB, cls.on_link, stdout=subprocess.PIPE
        )
        services.wait_for_line()

    def udp(self, remote=None):
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(endpoint.close)
        endpoint.settimeout(20)
        if remote:
            endpoint.connect(remote)
        return endpoint

    def udp_links(self):
        return [link for link in self.gateway.espatctl_json("links") if link["proto"] == "udp"]

    def counters(self):
        command = "busctl --system --json=short call org.espat1 /org/espat1/module/esp0 org.espat1.Network GetCounters"
        return json.loads(self.gateway.run(*command.split()).stdout)["data"][0]

    @contextlib.contextmanager
    def watched_links(self):
        """Gives a list that holds, in the end, how many UDP links there were each time that somebody looked."""
        seen, over = [], threading.Event()

        def watch():
            while not over.is_set():
                seen.append(len(self.udp_links()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield seen
        finally:
            over.set()
            watcher.join()

    def test_200_lookups_at_once_from_200_ports_need_no_second_link(self):
        lookups = {}
        for number in range(200):
            endpoint = self.udp((self.gateway.name_server, 53))
            lookups[endpoint] = query(4711, f"host{number}.espat.example")  # all with the same id
        self.assertEqual(len({endpoint.getsockname()[1] for endpoint in lookups}), 200)
        with self.watched_links() as seen:
            for endpoint, question in lookups.items():
                endpoint.send(question)
            waiting, limit = set(lookups), time.monotonic() + 60
            while waiting and time.monotonic() < limit:
                for endpoint in select.select(list(waiting), [], [], 1)[0]:
                    answer = endpoint.recv(1500)
                    self.assertEqual(answer[:2], lookups[endpoint][:2])
                    self.assertEqual(answer[12:], lookups[endpoint][12:], "another's answer")
                    waiting.discard(endpoint)
            self.assertEqual(len(waiting), 0, "lookups without an answer")
        self.assertGreater(len(seen), 0)
        self.assertLessEqual(max(seen), 1)

    def test_a_client_gets_the_time(self):
        client = self.udp((harness.WEB, 123))
        sent = os.urandom(8)
        client.send(b"\x23" + bytes(39) + sent)
        answer = client.recv(100)
        self.assertEqual(len(answer), 48)
        self.assertEqual(answer[0] & 7, 4)
        self.assertEqual(answer[24:32], sent)

    def test_coap_requests_of_one_client_are_answered_each(self):
        client = self.udp((harness.WEB, 5683))
        for number in range(5):
            token = bytes([number, 99])
            client.send(b"\x42\x01" + struct.pack("!H", 1000 + number) + token + b"\xb4temp")
            answer = client.recv(100)
            self.assertEqual(answer, b"\x62\x45" + struct.pack("!H", 1000 + number) + token + b"\xff22.5 C")

    def test_a_multicast_query_is_answered_by_whoever_is_there(self):
        asker = self.udp()
        asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.gateway.address()))
        asker.sendto(query(0, "printer.local"), (far_datagrams.MULTICAST_DNS, 5353))
        answer, sender = asker.recvfrom(1500)
        self.assertEqual(sender, (self.on_link, 5353))
        self.assertEqual(answer[-4:], socket.inet_aton(self.on_link))

    def test_datagrams_of_1200_bytes_pass_in_both_directions_like_quic(self):
        endpoint = self.udp(ECHO)
        data = [struct.pack("!I", number) + far_world.pattern(1196 + number)[:1196] for number in range(60)]
        sent, received = 0, []
        while len(received) < len(data):
            # A few are under way in each direction at any time, as a congestion window of 4 has it.
            while sent < len(data) and sent - len(received) < 4:
                endpoint.send(data[sent])
                sent += 1
            received.append(endpoint.recv(65535))
        self.assertEqual(received, data)

    def test_a_datagram_of_4000_bytes_goes_in_fragments_each_way(self):
        endpoint = self.udp(ECHO)
        # From outside the module takes what fits into its receive window.
        for size in (1473, 4000, 5760):
            with self.subTest(size=size):
                endpoint.send(far_world.pattern(size))
                self.assertEqual(endpoint.recv(65535), far_world.pattern(size))
        largest = far_world.pattern(8192)
        judge = self.udp((harness.WEB, 5008))
        judge.send(largest)
        self.assertEqual(judge.recv(100), hashlib.sha256(largest).digest())

    def test_dig_takes_a_long_answer_in_one_datagram(self):
        command = ["dig", f"@{harness.WEB}", "long.espat.example", "TXT", "+bufsize=4096", "+ignore", "+short", "+timeout=10"]
        answer = self.gateway.run(*command).stdout
        self.assertEqual(answer.replace('" "', "").replace('"', "").strip().encode(), far_datagrams.LONG_TEXT.strip())

    def test_two_programs_with_one_remote_are_told_apart(self):
        remote = (harness.WEB, 5007)  # of no other test: their flows would have to be silent for a second first
        one, other = self.udp(remote), self.udp(remote)
        for number in range(5):
            one.send(b"one %d" % number)
            other.send(b"other %d" % number)
            self.assertEqual(one.recv(100), b"one %d" % number)
            self.assertEqual(other.recv(100), b"other %d" % number)
        self.assertLessEqual(len(self.udp_links()), 2)

    def test_what_cannot_be_carried_is_counted(self):
        before = self.counters()
        endpoint = self.udp(ECHO)
        endpoint.send(b"")
        endpoint.send(bytes(8193))
        endpoint.send(b"after all that")
        self.assertEqual(endpoint.recv(100), b"after all that")
        after = self.counters()
        self.assertEqual(after["dropped-udp-empty"] - before["dropped-udp-empty"], 1)
        lost = sum(after[name] - before[name] for name in ("dropped-fragments", "dropped-too-big"))
        self.assertEqual(lost, 1)


if __name__ == "__main__":
    harness.main()
