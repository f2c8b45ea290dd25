"""IPv6: addresses and their reports (G.8), links, datagrams, the server and pings over it, and what it needs first."""

import copy
import ctypes
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from module import WORLD, Module

LINK_LOCAL, GLOBAL = "fe80::266f:28ff:fe0a:5601", "2001:db8:77:0:266f:28ff:fe0a:5601"
FAR, FAR_LINK_LOCAL = "2001:db8:99::9", "fe80::9"
SURROUNDINGS = copy.deepcopy(WORLD)
SURROUNDINGS["access-points"][0]["ipv6"] = {"prefix": "2001:db8:77::/64"}
SURROUNDINGS["access-points"].append({**copy.deepcopy(WORLD["access-points"][0]), "ssid": "old", "bssid": "10:01:00:c4:0a:53"})
SURROUNDINGS["dns"]["records"] |= {"six.test": FAR, "both.test": ["127.0.0.1", FAR]}
SURROUNDINGS["timing"]["ipv6-ms"] = 100


def setUpModule():
    """A network of its own, so that the module's addresses are those of this machine."""
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None).unshare(0x10000000 | 0x40000000):  # CLONE_NEWUSER | CLONE_NEWNET
        raise unittest.SkipTest("no namespaces here")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (LINK_LOCAL, GLOBAL, FAR, FAR_LINK_LOCAL):
        subprocess.run(["ip", "address", "add", f"{address}/128", "dev", "lo"], check=True)


def bound(address, kind):
    """A socket of the far end and its port. A link-local address has its zone behind a %."""
    peer = socket.socket(socket.AF_INET6, kind)
    peer.bind(socket.getaddrinfo(address, 0, type=kind)[0][4])
    peer.settimeout(5)
    return peer, peer.getsockname()[1]


def listen(address):
    server, port = bound(address, socket.SOCK_STREAM)
    server.listen()
    return server, port


class WithoutIpv6(unittest.TestCase):
    def test_it_must_be_switched_on_before_the_join(self):
        module = Module(surroundings=SURROUNDINGS).ready().join()
        self.addCleanup(module.close)
        server, port = listen(FAR)
        self.addCleanup(server.close)
        for command in (f'AT+CIPSTART="TCPv6","{FAR}",{port}', f'AT+CIPSTART="UDPv6","{FAR}",{port}'):
            self.assertEqual(module.ask(command), b"\r\nERROR\r\n")
            self.assertEqual(module.ask("AT+CIPV6=1"), b"\r\nOK\r\n")
            self.assertEqual(module.ask(command), b"\r\nERROR\r\n", "no address yet")
            self.assertEqual(module.ask("AT+CIPV6=0"), b"\r\nOK\r\n")
        self.assertEqual(module.ask('AT+PING="::1"'), b"+PING:TIMEOUT\r\n\r\nERROR\r\n")
        module.ask("AT+CIPMUX=1")
        self.assertEqual(module.ask('AT+CIPSERVER=1,80,"TCPv6"'), b"\r\nERROR\r\n")


class Ipv6(unittest.TestCase):
    def setUp(self):
        self.module = Module(surroundings=SURROUNDINGS).ready()
        self.addCleanup(self.module.close)
        self.assertEqual(self.module.ask("AT+CIPV6=1"), b"\r\nOK\r\n")
        self.module.join()
        self.module.until(b"WIFI GOT IPv6 LL\r\n")
        self.module.until(b"WIFI GOT IPv6 GL\r\n")
        self.module.ask("AT+CIPMUX=1")
        self.module.ask("AT+CIPDINFO=1")

    def test_both_addresses_are_told_in_upper_case(self):
        six = f'+CIPSTA:ip6ll:"{LINK_LOCAL.upper()}"\r\n+CIPSTA:ip6gl:"{GLOBAL.upper()}"\r\n\r\nOK\r\n'
        self.assertTrue(self.module.ask("AT+CIPSTA?").decode().endswith(six))
        answer = self.module.ask("AT+CIFSR").decode()
        self.assertIn(f'+CIFSR:STAIP6LL,"{LINK_LOCAL.upper()}"\r\n+CIFSR:STAIP6GL,"{GLOBAL.upper()}"\r\n', answer)

    def test_they_go_with_the_network_and_an_old_one_brings_the_link_local_alone(self):
        self.module.ask("AT+CWQAP")
        self.assertNotIn(b"ip6", self.module.ask("AT+CIPSTA?"))
        self.module.ask('AT+CWJAP="old","secret12"')
        self.assertEqual(self.module.quiet(0.5), b"WIFI GOT IPv6 LL\r\n")
        self.assertNotIn(b"ip6gl", self.module.ask("AT+CIPSTA?"))

    def test_another_prefix_is_another_address(self):
        self.module.order(do="ap-change", ssid="home", ipv6={"prefix": "2001:db8:78::/64"})
        self.assertEqual(self.module.quiet(0.5), b"WIFI GOT IPv6 GL\r\n")
        self.assertIn(b'ip6gl:"2001:DB8:78:', self.module.ask("AT+CIPSTA?"))

    def test_a_stream_has_the_global_address_and_names_its_remote(self):
        server, port = listen(FAR)
        self.addCleanup(server.close)
        self.assertEqual(self.module.ask(f'AT+CIPSTART=3,"TCPv6","six.test",{port}'), b"3,CONNECT\r\n\r\nOK\r\n")
        peer, (address, local, *_) = server.accept()
        self.addCleanup(peer.close)
        self.assertEqual(address, GLOBAL)
        expected = f'+CIPSTATE:3,"TCPv6","{FAR.upper()}",{port},{local},0\r\n\r\nOK\r\n'
        self.assertEqual(self.module.ask("AT+CIPSTATE?").decode(), expected)
        peer.sendall(b"hello")
        self.assertEqual(self.module.quiet().decode(), f'\r\n+IPD,3,5,"{FAR.upper()}",{port}:hello\r\n')
        self.assertEqual(self.module.ask("AT+CIPCLOSE=3"), b"3,CLOSED\r\n\r\nOK\r\n")

    def test_a_link_local_remote_needs_no_zone_and_sees_the_link_local_address(self):
        server, port = listen(f"{FAR_LINK_LOCAL}%lo")
        self.addCleanup(server.close)
        command = f'AT+CIPSTART=3,"TCPv6","{FAR_LINK_LOCAL}",{port},,"{LINK_LOCAL}"'
        self.assertEqual(self.module.ask(command), b"3,CONNECT\r\n\r\nOK\r\n")
        peer, (address, *_) = server.accept()
        self.addCleanup(peer.close)
        self.assertEqual(address.split("%")[0], LINK_LOCAL)
        peer.sendall(b"near")
        self.assertEqual(self.module.quiet().decode(), f'\r\n+IPD,3,4,"FE80::9",{port}:near\r\n')
        self.assertEqual(self.module.ask('AT+CIPSTART=2,"TCPv6","fe80::9",80,,"fe80::77"'), b"\r\nERROR\r\n")

    def test_a_tls_link_works_over_it(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key, certificate = os.path.join(folder.name, "key"), os.path.join(folder.name, "certificate")
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=six.test -keyout".split()
        subprocess.run([*command, key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server, port = listen(FAR)
        self.addCleanup(server.close)

        def serve():
            peer, _ = server.accept()
            with context.wrap_socket(peer, server_side=True) as secure:
                secure.sendall(secure.version().encode())
                secure.recv(1)

        far_end = threading.Thread(target=serve)
        far_end.start()
        self.addCleanup(far_end.join)
        self.assertEqual(self.module.ask(f'AT+CIPSTART=3,"SSLv6","{FAR}",{port}'), b"3,CONNECT\r\n\r\nOK\r\n")
        self.assertEqual(self.module.quiet().decode(), f'\r\n+IPD,3,7,"{FAR.upper()}",{port}:TLSv1.2\r\n')
        self.assertIn('+CIPSTATE:3,"SSLv6"', self.module.ask("AT+CIPSTATE?").decode())
        self.assertEqual(self.module.ask("AT+CIPCLOSE=3"), b"3,CLOSED\r\n\r\nOK\r\n")

    def test_one_datagram_link_serves_every_remote(self):
        self.assertEqual(self.module.ask('AT+CIPSTART=4,"UDPv6","::",1,50123,2'), b"4,CONNECT\r\n\r\nOK\r\n")
        for address, scope in ((FAR, ""), (FAR_LINK_LOCAL, "%lo")):
            peer, port = bound(address + scope, socket.SOCK_DGRAM)
            self.addCleanup(peer.close)
            self.module.ask(f'AT+CIPSEND=4,2,"{address}",{port}')
            self.module.write(b"hi")
            self.module.until(b"\r\nSEND OK\r\n")
            data, sender = peer.recvfrom(100)
            self.assertEqual((data, sender[1]), (b"hi", 50123))
            peer.sendto(b"back", sender)
            self.assertEqual(self.module.quiet().decode(), f'\r\n+IPD,4,4,"{address.upper()}",{port}:back\r\n')

    def test_names_are_resolved_by_preference(self):
        for network, expected in ((1, "127.0.0.1"), (2, "127.0.0.1"), (3, FAR.upper())):
            answer = self.module.ask(f'AT+CIPDOMAIN="both.test",{network}').decode()
            self.assertEqual(answer, f'+CIPDOMAIN:"{expected}"\r\n\r\nOK\r\n')
        self.assertEqual(self.module.ask(f'AT+CIPSTART=3,"TCPv6","host.test",80'), b"\r\nERROR\r\n", "IPv4 only")

    def test_the_server_tells_its_clients_addresses(self):
        self.assertEqual(self.module.ask('AT+CIPSERVER=1,8080,"TCPv6"'), b"\r\nOK\r\n")
        client = socket.create_connection((GLOBAL, 8080), source_address=(FAR, 0))
        self.addCleanup(client.close)
        self.module.until(b"0,CONNECT\r\n")
        client.sendall(b"knock")
        port = client.getsockname()[1]
        self.assertEqual(self.module.quiet().decode(), f'\r\n+IPD,0,5,"{FAR.upper()}",{port}:knock\r\n')

    def test_an_own_address_answers_pings(self):
        for address in (LINK_LOCAL, GLOBAL):
            self.assertEqual(self.module.ask(f'AT+PING="{address}"'), b"+PING:1\r\n\r\nOK\r\n")


if __name__ == "__main__":
    unittest.main()
