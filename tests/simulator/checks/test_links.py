"""Links: opening, sending, receiving in both modes, server, passthrough, access point lost (sections B to F, P.1)."""

import re
import socket
import time
import unittest

from module import Module, listen


class Links(unittest.TestCase):
    def setUp(self):
        self.module = Module().ready().join()
        self.addCleanup(self.module.close)

    def open(self, link):
        server, port = listen()
        self.addCleanup(server.close)
        self.assertEqual(self.module.ask(f'AT+CIPSTART={link},"TCP","127.0.0.1",{port}'), b"%d,CONNECT\r\n\r\nOK\r\n" % link)
        peer, _ = server.accept()
        peer.settimeout(5)
        self.addCleanup(peer.close)
        return peer

    def test_one_link_sends_and_receives(self):
        server, port = listen()
        self.assertEqual(self.module.ask(f'AT+CIPSTART="TCP","127.0.0.1",{port}'), b"CONNECT\r\n\r\nOK\r\n")
        peer, _ = server.accept()
        self.assertEqual(self.module.ask("AT+CIPSEND=5"), b"\r\nOK\r\n\r\n>")
        self.assertEqual(self.module.ask(b"hello\r\n"), b"\r\nbusy p...\r\n\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n")
        self.assertEqual(peer.recv(100), b"hello")
        peer.sendall(b"world")
        self.assertEqual(self.module.quiet(), b"\r\n+IPD,5:world\r\n")
        peer.close()
        server.close()
        self.assertEqual(self.module.quiet(), b"CLOSED\r\n")

    def test_a_payload_before_its_prompt_is_thrown_away(self):
        self.module.ask("AT+CIPMUX=1")
        peer = self.open(0)
        self.module.write(b"AT+CIPSEND=0,5\r\nhello")
        self.assertEqual(self.module.quiet(), b"\r\nbusy p...\r\n\r\nOK\r\n\r\n>")
        self.module.write(b"12345")
        self.assertEqual(self.module.quiet(), b"\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n")
        self.assertEqual(peer.recv(100), b"12345")

    def test_no_message_is_ever_split_by_another_under_a_flood(self):
        self.module.ask("AT+CIPMUX=1")
        peer, other = self.open(0), self.open(1)
        said = b""
        for _ in range(6):
            other.sendall(b"y" * 3000)
            self.module.write(b"AT+CIPSEND=0,500\r\n")
            said += self.module.until(b"\r\n\r\n>")
            self.module.write(b"z" * 500)
            said += self.module.until(b"\r\nSEND OK\r\n")
        said += self.module.quiet(0.5)
        payload = answers = 0
        while said:
            report = re.match(rb"\r\n\+IPD,1,(\d+):", said)
            whole = re.match(rb"\r\nOK\r\n\r\n>|\r\nRecv 500 bytes\r\n|\r\nSEND OK\r\n", said)
            self.assertTrue(report or whole, said[:200])
            end = whole.end() if whole else report.end() + int(report[1]) + 2
            if report:
                self.assertEqual(said[report.end():end], b"y" * int(report[1]) + b"\r\n")
                payload += int(report[1])
            answers += bool(whole)
            said = said[end:]
        self.assertEqual((payload, answers), (18000, 18))
        self.assertEqual(peer.recv(3000, socket.MSG_WAITALL), b"z" * 3000)

    def test_long_sends_report_both_counts(self):
        self.module.ask("AT+CIPMUX=1")
        self.open(0)
        self.assertEqual(self.module.ask("AT+CIPSENDL=0,3000"), b"\r\nOK\r\n\r\n>")
        self.assertEqual(self.module.ask(b"x" * 3000), b"+CIPSENDL:1024,2944\r\n+CIPSENDL:2048,2944\r\n"
                                                      b"+CIPSENDL:3000,3000\r\n\r\nSEND OK\r\n")

    def test_a_long_send_to_a_closed_link_swallows_the_rest_and_reports_nothing(self):
        self.module.ask("AT+CIPMUX=1")
        for rest, ending in ((b"y" * 3056, b"\r\nSEND FAIL\r\n"), (b"+++", b"\r\nSEND CANCELLED\r\n")):
            peer = self.open(0)
            self.module.ask("AT+CIPSENDL=0,6000")
            self.module.write(b"x" * 2944)
            self.module.until(b"+CIPSENDL:2048,2944\r\n")
            peer.close()
            self.assertEqual(self.module.quiet(), b"0,CLOSED\r\n")
            self.module.write(rest)
            self.assertEqual(self.module.until(b"SEND FAIL\r\n", b"SEND CANCELLED\r\n"), ending)
            self.assertEqual(self.module.ask("AT"), b"\r\nOK\r\n")

    def test_escapes_of_sendex(self):
        self.module.ask("AT+CIPMUX=1")
        peer = self.open(0)
        for written, said, got in ((b"abc\\0", b"3", b"abc"), (b"abc\\\\0def\\0", b"8", b"abc\\0def")):
            self.assertEqual(self.module.ask("AT+CIPSENDEX=0,20"), b"\r\nOK\r\n\r\n>")
            self.assertEqual(self.module.ask(written), b"\r\nRecv %s bytes\r\n\r\nSEND OK\r\n" % said)
            self.assertEqual(peer.recv(100), got)

    def test_passive_mode_announces_once_and_closes_after_the_last_byte(self):
        self.module.ask("AT+CIPMUX=1")
        self.module.ask("AT+CIPRECVTYPE=0,1")
        peer = self.open(0)
        peer.sendall(b"0123456789")
        self.assertEqual(self.module.quiet(), b"\r\n+IPD,0,10\r\n")
        peer.close()
        self.assertEqual(self.module.ask("AT+CIPRECVLEN?"), b"+CIPRECVLEN:10,0,0,0,0\r\n\r\nOK\r\n")
        self.assertEqual(self.module.ask("AT+CIPRECVDATA=0,4"), b"+CIPRECVDATA:4,0123\r\nOK\r\n\r\n+IPD,0,6\r\n")
        self.assertEqual(self.module.ask("AT+CIPRECVDATA=0,100"), b"+CIPRECVDATA:6,456789\r\nOK\r\n0,CLOSED\r\n")
        self.assertEqual(self.module.ask("AT+CIPRECVDATA=0,100"), b"\r\nERROR\r\n")

    def test_unread_data_hold_the_peer_back(self):
        self.module.ask("AT+CIPMUX=1")
        self.module.ask("AT+CIPRECVTYPE=5,1")
        peer = self.open(0)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            peer.sendall(b"x" * 1000000)
        self.module.quiet()
        self.assertEqual(self.module.ask("AT+CIPRECVLEN?"), b"+CIPRECVLEN:5760,0,0,0,0\r\n\r\nOK\r\n")

    def test_server_gives_the_lowest_id_and_turns_away_one_too_many(self):
        self.module.ask("AT+CIPMUX=1")
        self.module.ask("AT+CIPSERVERMAXCONN=1")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.assertEqual(self.module.ask(f"AT+CIPSERVER=1,{port}"), b"\r\nOK\r\n")
        first = socket.create_connection(("127.0.0.1", port))
        self.assertEqual(self.module.quiet(), b"0,CONNECT\r\n")
        second = socket.create_connection(("127.0.0.1", port))
        second.settimeout(2)
        self.assertEqual(second.recv(10), b"")
        first.sendall(b"hi")
        self.assertEqual(self.module.quiet(), b"\r\n+IPD,0,2:hi\r\n")
        self.assertEqual(self.module.ask("AT+CIPSERVER=0,1"), b"0,CLOSED\r\n\r\nOK\r\n")
        first.close()
        second.close()

    def test_udp_mode_2_tells_the_sender_and_an_empty_datagram_closes(self):
        self.module.ask("AT+CIPMUX=1")
        self.module.ask("AT+CIPDINFO=1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
            for peer in (a, b):
                peer.bind(("127.0.0.1", 0))
                peer.settimeout(5)
            ports = a.getsockname()[1], b.getsockname()[1]
            self.assertEqual(self.module.ask('AT+CIPSTART=4,"UDP","0.0.0.0",1000,0,2'), b"\r\nERROR\r\n")
            self.assertEqual(self.module.ask('AT+CIPSTART=4,"UDP","0.0.0.0",1000,,2'), b"4,CONNECT\r\n\r\nOK\r\n")
            for peer, port in ((a, ports[0]), (b, ports[1])):
                self.module.ask(f'AT+CIPSEND=4,4,"127.0.0.1",{port}')
                self.module.ask(b"ping")
                data, module = peer.recvfrom(100)
                self.assertEqual(data, b"ping")
            a.sendto(b"fromA", module)
            b.sendto(b"fromB", module)
            self.assertEqual(self.module.quiet(), b'\r\n+IPD,4,5,"127.0.0.1",%d:fromA\r\n\r\n+IPD,4,5,"127.0.0.1",%d:fromB\r\n' % ports)
            a.sendto(b"", module)
            self.assertEqual(self.module.quiet(), b"4,CLOSED\r\n")

    def test_a_refused_connect_fails_at_once_and_a_closed_link_can_not_send(self):
        server, port = listen()
        server.close()
        started = time.monotonic()
        self.assertEqual(self.module.ask(f'AT+CIPSTART="TCP","127.0.0.1",{port}'), b"\r\nERROR\r\n")
        self.assertLess(time.monotonic() - started, 0.5)
        self.assertEqual(self.module.ask("AT+CIPSEND=3"), b"\r\nERROR\r\n")
        self.assertEqual(self.module.ask("AT+CIPCLOSE"), b"\r\nERROR\r\n")

    def test_a_closed_window_stops_the_module_until_so_sndtimeo(self):
        self.module.ask("AT+CIPMUX=1")
        self.module.ask("AT+CIPTCPOPT=0,-1,0,300")
        stuck, other = self.open(0), self.open(1)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.module.ask("AT+CIPSENDL=0,400000")
        self.module.write(b"x" * 20000)
        other.sendall(b"hello")
        self.assertIn(b"+IPD,1,5:hello", self.module.quiet(1.0))

    def test_passthrough_carries_bytes_until_a_lone_plus_plus_plus(self):
        server, port = listen()
        self.module.ask(f'AT+CIPSTART="TCP","127.0.0.1",{port}')
        peer, _ = server.accept()
        peer.settimeout(5)
        self.module.ask("AT+CIPMODE=1")
        self.assertEqual(self.module.ask("AT+CIPSEND"), b"\r\nOK\r\n\r\n>")
        self.module.write(b"AT\r\n")
        self.assertEqual(peer.recv(100), b"AT\r\n")
        peer.sendall(b"raw")
        self.assertEqual(self.module.quiet(), b"raw")
        self.module.write(b"+++")
        self.assertEqual(self.module.quiet(), b"")
        self.assertEqual(self.module.ask("AT+CIPMODE=0"), b"\r\nOK\r\n")
        self.assertEqual(self.module.ask("AT+CIPCLOSE"), b"CLOSED\r\n\r\nOK\r\n")
        peer.close()
        server.close()

    def test_a_lost_access_point_ends_tcp_links_and_the_station_comes_back_with_the_new_address(self):
        self.module.ask("AT+CIPMUX=1")
        self.open(2)
        self.assertEqual(self.module.order(do="ap-down", ssid="home"), {"ok": True})
        self.assertEqual(self.module.quiet(), b"WIFI DISCONNECT\r\n2,CLOSED\r\n")
        self.module.order(**{"do": "ap-change", "ssid": "home", "address": "127.0.0.2"})
        self.assertEqual(self.module.until(b"GOT IP\r\n", limit=25)[-29:], b"WIFI CONNECTED\r\nWIFI GOT IP\r\n")
        self.assertIn(b'STAIP,"127.0.0.2"', self.module.ask("AT+CIFSR"))

    def test_a_restart_in_a_payload_leaves_it_unfinished(self):
        self.module.ask("AT+CIPMUX=1")
        peer = self.open(0)
        self.module.order(fault="reset-in-payload", after=4)
        peer.sendall(b"0123456789")
        said = self.module.until(b"\r\nready\r\n")
        self.assertTrue(said.startswith(b"\r\n+IPD,0,10:0123") and b"01234" not in said, said)


if __name__ == "__main__":
    unittest.main()
