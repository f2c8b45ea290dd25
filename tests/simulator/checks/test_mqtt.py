"""MQTT with a real broker: both dialects, every scheme, pieces, order, failures and faults (section H, M.5, guide 3.5)."""

import copy
import os
import pathlib
import socket
import ssl
import sys
import tempfile
import threading
import unittest

from module import WORLD, Module

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conformance"))

from broker import Broker  # noqa: E402
from far_end import Certificates  # noqa: E402

TIMES = {"mqtt-failure-ms": 200, "mqtt-clean-ms": 300, "mqtt-silence-ms": 6000, "mqtt-reconnect-ms": 300, "time-update-ms": 30}


def world(certificates=None, **times):
    result = copy.deepcopy(WORLD)
    result["timing"].update(TIMES, **times)
    if certificates:
        result["certificates"] = {f"mqtt_{kind}.0": os.path.join(certificates, file) for kind, file in (
            ("ca", "authority.pem"), ("cert", "client.pem"), ("key", "client.key"))}
    return result


class Mqtt(unittest.TestCase):
    def start(self, dialect="esp32c61", certificates=None, **times):
        self.module = Module(dialect=dialect, surroundings=world(certificates, **times)).ready().join()
        self.addCleanup(self.module.close)
        self.ask = self.module.ask

    def broker(self, **options):
        broker = Broker(**options)
        self.addCleanup(broker.close)
        return broker

    def configure(self, scheme=1, user="", password="", path=""):
        self.assertEqual(self.ask(f'AT+MQTTUSERCFG=0,{scheme},"module","{user}","{password}",0,0,"{path}"'), b"\r\nOK\r\n")

    def connect(self, broker, reconnect=0, scheme=1, host="127.0.0.1", path=""):
        said = f'+MQTTCONNECTED:0,{scheme},"{host}","{broker.port}","{path}",{reconnect}\r\n\r\nOK\r\n'
        self.assertEqual(self.ask(f'AT+MQTTCONN=0,"{host}",{broker.port},{reconnect}', limit=10), said.encode())

    def open(self, dialect="esp32c61", **options):
        self.start(dialect)
        broker = self.broker()
        self.configure()
        self.connect(broker, **options)
        return broker


class Messages(Mqtt):
    def test_every_quality_and_retain_reach_the_broker(self):
        broker = self.open()
        watcher = broker.watch("out/#")
        for qos in range(3):
            self.assertEqual(self.ask(f'AT+MQTTPUB=0,"out/{qos}","text\\"\\,",{qos},0'), b"\r\nOK\r\n")
            self.assertEqual(watcher.message(), (f"out/{qos}", qos, 0, b'text",'))
            self.assertEqual(self.ask(f'AT+MQTTPUBRAW=0,"raw/{qos}",4,{qos},1'), b"\r\nOK\r\n\r\n>")
            self.module.write(b"\0\r\n\xff")
            self.assertEqual(self.module.until(b"\n", b"ERROR"), b"+MQTTPUB:OK\r\n")
        kept = broker.watch("raw/#")
        self.assertEqual({kept.message() for _ in range(3)}, {(f"raw/{qos}", qos, 1, b"\0\r\n\xff") for qos in range(3)})

    def test_what_follows_a_raw_message_is_busy_and_three_plusses_are_data(self):
        broker = self.open()
        watcher = broker.watch("out")
        self.ask('AT+MQTTPUBRAW=0,"out",8,1,0')
        self.module.write(b"+++")
        self.assertEqual(self.module.quiet(0.3), b"")
        self.module.write(b"12345\r\n")
        self.assertEqual(self.module.quiet(0.3), b"\r\nbusy p...\r\n+MQTTPUB:OK\r\n")
        self.assertEqual(watcher.message()[3], b"+++12345")

    def test_a_message_to_oneself_and_a_retained_one_come_before_the_answer(self):
        broker = self.open()
        broker.publish("old", b"kept", "-r")
        self.assertEqual(self.ask('AT+MQTTSUB=0,"old",1'), b'+MQTTSUBRECV:0,"old",4,kept\r\n\r\nOK\r\n')
        self.assertEqual(self.ask('AT+MQTTPUB=0,"old","mine",1,0'), b'+MQTTSUBRECV:0,"old",4,mine\r\n\r\nOK\r\n')

    def test_a_long_message_comes_in_pieces_of_the_packet_buffer(self):
        broker = self.open()
        self.ask('AT+MQTTSUB=0,"in/a",1')
        for size, qos, pieces in ((1015, 0, [1015]), (1016, 0, [1015, 1]), (1014, 1, [1013, 1]), (3500, 1, [1013, 1024, 1024, 439]),
                                  (17000, 0, [1014, *[1024] * 15, 626])):
            with self.subTest(size=size, qos=qos):
                payload = bytes(i * 7 % 251 for i in range(size))
                broker.publish("in/a", payload, "-q", str(qos))
                expected, rest = b"", payload
                for piece in pieces:
                    expected += b'+MQTTSUBRECV:0,"in/a",%d,' % piece + rest[:piece] + b"\r\n"
                    rest = rest[piece:]
                self.assertEqual(self.module.until(expected[-40:], limit=10), expected)

    def test_a_thousand_messages_arrive_in_order(self):
        broker = self.open()
        self.ask('AT+MQTTSUB=0,"in/#",1')
        said = b"".join(b'+MQTTSUBRECV:0,"in/n",4,%04d\r\n' % n for n in range(1000))
        flood = threading.Thread(target=broker.publish_lines, args=("in/n", [b"%04d" % n for n in range(1000)]))
        flood.start()
        self.assertEqual(self.module.until(b",0999\r\n", limit=30), said)
        flood.join()

    def test_subscriptions_are_listed_kept_and_dropped(self):
        self.open()
        for topic in ("a", "b", "a"):
            self.assertEqual(self.ask(f'AT+MQTTSUB=0,"{topic}",1'), b"\r\nOK\r\n")
        self.assertEqual(self.ask("AT+MQTTSUB?"), b'+MQTTSUB:0,6,"a",1\r\n+MQTTSUB:0,6,"b",1\r\n\r\nOK\r\n')
        for topic in ("a", "never", "b"):
            self.assertEqual(self.ask(f'AT+MQTTUNSUB=0,"{topic}"'), b"\r\nOK\r\n")
        self.assertIn(b"+MQTTCONN:0,5,1,", self.ask("AT+MQTTCONN?"))
        for number in range(10):
            self.ask(f'AT+MQTTSUB=0,"{number}",0')
        self.assertEqual(self.ask('AT+MQTTSUB=0,"eleventh",0'), b"\r\nERROR\r\n")

    def test_a_report_may_come_between_ok_and_the_prompt(self):
        broker = self.open()
        self.ask('AT+MQTTSUB=0,"in",0')
        self.module.order(fault="split-prompt", on=True)
        for _ in range(10):
            # More than the line carries at once: reports wait at every moment of the publication.
            flood = threading.Thread(target=broker.publish_lines, args=("in", [b"y"] * 1000))
            flood.start()
            found = False
            while flood.is_alive() and not found:
                self.module.write(b'AT+MQTTPUBRAW=0,"out",1,0,0\r\n')
                said = self.module.until(b"\r\n>")
                self.module.write(b"x")
                self.module.until(b"+MQTTPUB:OK\r\n")
                found = b"+MQTTSUBRECV" in said.split(b"\r\nOK\r\n")[1]
            flood.join()
            self.module.quiet()
            if found:
                return
        self.fail("no report came between OK and the prompt")


class Connections(Mqtt):
    def test_a_refused_connect_tells_first_and_fails_later(self):
        self.start()
        broker = self.broker(user=("user", "pass"))
        self.configure(user="user", password="wrong")
        for port in (broker.port, 1):
            self.module.write(f'AT+MQTTCONN=0,"127.0.0.1",{port},0\r\n'.encode())
            self.assertEqual(self.module.until(b"\n"), b"+MQTTDISCONNECTED:0\r\n")
            self.assertEqual(self.module.quiet(0.1), b"")
            self.assertEqual(self.module.until(b"ERROR\r\n"), b"\r\nERROR\r\n")
            self.assertEqual(self.ask("AT+MQTTCONN?"), b'+MQTTCONN:0,2,1,"","","",0\r\n\r\nOK\r\n')
        self.configure()
        for name, text in (("CLIENTID", b"c" * 1024), ("USERNAME", b"user"), ("PASSWORD", b"pass")):
            self.assertEqual(self.ask(f"AT+MQTTLONG{name}=0,{len(text)}"), b"\r\nOK\r\n\r\n>")
            self.assertEqual(self.ask(text), b"\r\nOK\r\n")
        self.connect(broker)

    def test_a_silent_server_costs_the_time_limit(self):
        self.start(**{"mqtt-silence-ms": 700})
        self.configure()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assertEqual(self.ask(f'AT+MQTTCONN=0,"127.0.0.1",{port},0'), b"+MQTTDISCONNECTED:0\r\n\r\nERROR\r\n")

    def test_after_the_broker_is_lost_only_clean_and_usercfg_lead_on(self):
        broker = self.open()
        self.module.order(fault="lose-broker")
        self.assertEqual(self.module.until(b"\n"), b"+MQTTDISCONNECTED:0\r\n")
        self.assertIn(b"+MQTTCONN:0,3,1,", self.ask("AT+MQTTCONN?"))
        for command in ('AT+MQTTPUB=0,"a","b",0,0', 'AT+MQTTSUB=0,"a",0', f'AT+MQTTCONN=0,"127.0.0.1",{broker.port},0',
                        'AT+MQTTUSERCFG=0,1,"module","","",0,0,""', 'AT+MQTTPUBRAW=0,"a",1,0,0'):
            self.assertEqual(self.ask(command), b"\r\nERROR\r\n")
        self.assertEqual(self.ask("AT+MQTTCLEAN=0"), b"\r\nOK\r\n")
        self.configure()
        self.connect(broker)

    def test_with_reconnect_it_comes_back_by_itself_and_without_topics(self):
        broker = self.open(reconnect=1)
        self.ask('AT+MQTTSUB=0,"in",1')
        broker.stop()
        self.assertEqual(self.module.until(b"\n"), b"+MQTTDISCONNECTED:0\r\n")
        self.assertEqual(self.module.until(b"\n"), b"+MQTTDISCONNECTED:0\r\n")
        broker.start()
        self.module.until(b'+MQTTCONNECTED:0,1,"127.0.0.1","%d","",1\r\n' % broker.port)
        self.assertIn(b"+MQTTCONN:0,4,1,", self.ask("AT+MQTTCONN?"))
        self.assertEqual(self.ask("AT+MQTTCLEAN=0"), b"\r\nOK\r\n")

    def test_a_will_is_delivered_when_the_connection_breaks_and_not_after_clean(self):
        self.start()
        broker = self.broker()
        watcher = broker.watch("#")
        for fault in (False, True):
            self.configure()
            self.assertEqual(self.ask('AT+MQTTCONNCFG=0,60,0,"will","gone",1,0'), b"\r\nOK\r\n")
            self.connect(broker)
            if fault:
                self.module.order(fault="lose-broker")
            else:
                self.ask("AT+MQTTCLEAN=0")
                broker.publish("between", b"")
        self.assertEqual([watcher.message()[0] for _ in range(2)], ["between", "will"])

    def test_without_clean_session_the_broker_keeps_what_comes_meanwhile(self):
        self.start()
        broker = self.broker()
        for subscribe in (True, False):
            self.configure()
            self.ask('AT+MQTTCONNCFG=0,60,1,"","",0,0')
            self.module.write(f'AT+MQTTCONN=0,"127.0.0.1",{broker.port},0\r\n'.encode())
            self.module.until(b"+MQTTCONNECTED")
            if subscribe:
                self.module.until(b"\r\nOK\r\n")
                self.ask('AT+MQTTSUB=0,"in",1')
                self.ask("AT+MQTTCLEAN=0")
                broker.publish("in", b"meanwhile", "-q", "1")
        self.module.until(b'+MQTTSUBRECV:0,"in",9,meanwhile\r\n')

    def test_leaving_the_network_and_a_restart_end_it(self):
        broker = self.open()
        self.assertEqual(self.ask("AT+CWQAP"), b"WIFI DISCONNECT\r\n+MQTTDISCONNECTED:0\r\n\r\nOK\r\n")
        self.assertEqual(self.ask("AT+MQTTCLEAN=0"), b"\r\nOK\r\n")
        self.ask('AT+CWJAP="home","secret12"')
        self.configure()
        self.connect(broker)
        self.module.order(do="reset")
        self.module.until(b"\r\nready\r\n")
        self.module.ask("ATE0")
        self.assertEqual(self.ask("AT+MQTTCONN?"), b'+MQTTCONN:0,0,0,"","","",0\r\n\r\nOK\r\n')

    def test_forbidden_topics_cost_the_connection(self):
        for command, answer in (('AT+MQTTPUB=0,"a/#","x",0,0', b"\r\nOK\r\n+MQTTDISCONNECTED:0\r\n"),
                                ('AT+MQTTPUB=0,"a/#","x",1,0', b"+MQTTDISCONNECTED:0\r\n\r\nERROR\r\n"),
                                ('AT+MQTTSUB=0,"a/#/b",1', b"+MQTTDISCONNECTED:0\r\n\r\nERROR\r\n")):
            with self.subTest(command):
                self.open()
                self.assertEqual(self.ask(command), answer)


class Schemes(Mqtt):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificates = pathlib.Path(folder.name)
        Certificates(cls.certificates, since="200101000000Z")

    def test_every_scheme_connects_publishes_and_receives(self):
        for scheme in range(1, 11):
            with self.subTest(scheme=scheme):
                self.start(certificates=self.certificates)
                secure = scheme not in (1, 6)
                broker = self.broker(certificates=self.certificates if secure else None, verify=scheme in (4, 5, 9, 10),
                                     websockets=scheme > 5)
                self.ask('AT+CIPSNTPCFG=1,0,"ntp"')
                self.module.quiet(0.1)
                path = "mqtt" if scheme > 5 else ""
                self.configure(scheme, path=path)
                self.connect(broker, scheme=scheme, host="host.test", path="/mqtt" if path else "")
                self.ask('AT+MQTTSUB=0,"in",0')
                watcher = broker.watch("out")
                self.ask('AT+MQTTPUB=0,"out","there",1,0')
                self.assertEqual(watcher.message()[3], b"there")
                broker.publish("in", b"b" * 5000)
                self.assertEqual(self.module.until(b"bb\r\n", limit=10).count(b"b"), 1017)
                self.module.quiet(1)
                self.assertEqual(self.ask("AT+MQTTCLEAN=0"), b"\r\nOK\r\n")

    def test_what_cannot_be_verified_is_refused(self):
        broker = self.broker(certificates=self.certificates)
        strict = self.broker(certificates=self.certificates, verify=True)
        for scheme, clock, name, to, good in ((2, False, None, broker, True), (3, False, None, broker, False),
                                              (3, True, None, broker, True), (3, True, "other.test", broker, False),
                                              (3, True, "host.test", broker, True), (2, True, None, strict, False),
                                              (4, True, None, strict, True)):
            with self.subTest(scheme=scheme, clock=clock, name=name, good=good):
                self.start(certificates=self.certificates)
                if clock:
                    self.ask('AT+CIPSNTPCFG=1,0,"ntp"')
                    self.module.quiet(0.1)
                self.configure(scheme)
                if name:
                    self.assertEqual(self.ask(f'AT+MQTTSNI=0,"{name}"'), b"\r\nOK\r\n")
                said = self.ask(f'AT+MQTTCONN=0,"127.0.0.1",{to.port},0')
                self.assertEqual((said.endswith(b"OK\r\n"), b"+MQTTDISCONNECTED" in said), (good, not good), said)

    def test_name_and_protocols_are_shown_to_the_server(self):
        seen = {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates / "server.pem", self.certificates / "server.key")
        context.set_alpn_protocols(["two"])
        context.sni_callback = lambda connection, name, _: seen.update(name=name)
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def answer():
            connection, _ = server.accept()
            with context.wrap_socket(connection, server_side=True) as secure:
                seen["protocol"] = secure.selected_alpn_protocol()

        thread = threading.Thread(target=answer)
        thread.start()
        self.start()
        self.configure(2)
        self.assertEqual(self.ask('AT+MQTTSNI=0,"broker.example"'), b"\r\nOK\r\n")
        self.assertEqual(self.ask('AT+MQTTALPN=0,2,"one","two"'), b"\r\nOK\r\n")
        self.ask(f'AT+MQTTCONN=0,"127.0.0.1",{server.getsockname()[1]},0')
        thread.join()
        self.assertEqual(seen, {"name": "broker.example", "protocol": "two"})

    def test_a_scheme_without_its_certificates_is_refused(self):
        self.start()
        self.ask("AT+SYSLOG=1")
        for scheme, code in ((3, b"6021"), (4, b"6023"), (8, b"6021"), (9, b"6023")):
            self.assertEqual(self.ask(f'AT+MQTTUSERCFG=0,{scheme},"c","","",0,0,""'),
                             b"ERR CODE:0x010a" + code + b"\r\n\r\nERROR\r\n")


class Refusals(Mqtt):
    def test_codes_of_wrong_commands(self):
        self.start()
        self.ask("AT+SYSLOG=1")
        long = "x" * 129
        before = (("AT+MQTTCONN=0,\"h\",1883,0", "6001"), ('AT+MQTTCONNCFG=0,0,0,"","",0,0', "6001"), ("AT+MQTTLONGCLIENTID=0,4", "6001"),
                  ('AT+MQTTSUB=0,"a",0', "6006"), ('AT+MQTTPUB=0,"a","b",0,0', "6006"), ("AT+MQTTCLEAN=0", "6003"),
                  ("AT+MQTTCLEAN=1", "6011"), ('AT+MQTTUSERCFG="0",1,"a","","",0,0,""', "6010"), ('AT+MQTTUSERCFG=0,1,"a"', "6008"),
                  ('AT+MQTTUSERCFG=0,1,a,"","",0,0,""', "6014"), (f'AT+MQTTUSERCFG=0,1,"a","{long[:65]}","",0,0,""', "6019"),
                  (f'AT+MQTTUSERCFG=0,1,"a","","{long[:65]}",0,0,""', "601c"), ('AT+MQTTUSERCFG=0,1,"a","","",1,0,""', "601e"),
                  ('AT+MQTTUSERCFG=0,1,"a","","",0,1,""', "6020"), (f'AT+MQTTUSERCFG=0,1,"a","","",0,0,"{long[:33]}"', "6029"))
        after = (('AT+MQTTCONN=0,"",1883,0', "603b"), (f'AT+MQTTCONN=0,"{long}",1883,0', "603c"), ('AT+MQTTCONN=0,"h",0,0', "603e"),
                 ('AT+MQTTCONN=0,"h",65536,0', "603e"), ('AT+MQTTCONN=0,"h",1883,2', "6040"),
                 ('AT+MQTTCONNCFG=0,7201,0,"","",0,0', "602d"), ('AT+MQTTCONNCFG=0,0,2,"","",0,0', "602f"),
                 ('AT+MQTTCONNCFG=0,0,0,"","",3,0', "6037"), ('AT+MQTTCONNCFG=0,0,0,"","",0,2', "6039"),
                 (f'AT+MQTTSUB=0,"{long}",0', "6043"), ('AT+MQTTSUB=0,"a",3', "6048"), ('AT+MQTTPUB=0,"","b",0,0', "6042"),
                 ('AT+MQTTPUB=0,"a","b",3,0', "6048"), ('AT+MQTTPUB=0,"a","b",0,2', "604a"), ('AT+MQTTPUBRAW=0,"a",0,0,0', "604c"),
                 ("AT+MQTTLONGPASSWORD=0,1025", "604c"), ('AT+MQTTALPN=0,2,"one"', "6008"), ("AT+MQTTLONGUSERNAME=0,0", "604c"))
        for cases in (before, after):
            for command, code in cases:
                with self.subTest(command):
                    self.assertEqual(self.ask(command), f"ERR CODE:0x010a{code}\r\n\r\nERROR\r\n".encode())
            self.configure()

    def test_what_the_dialects_have(self):
        for dialect, limit, short in (("esp32c61", b"OK", b"ERROR"), ("esp32-v4", b"ERROR", b"OK")):
            with self.subTest(dialect):
                self.open(dialect)
                for command, wanted in (('AT+MQTTPUB=0,"a","b",0,0,3000', limit), ('AT+MQTTSUB=0,"a",1,60000', limit),
                                        ('AT+MQTTUNSUB=0,"a",3000', limit), ('AT+MQTTPUB=0,"a","b",0,0,2999', b"ERROR")):
                    self.assertEqual(self.ask(command).split()[-1], wanted, command)
                self.ask("AT+MQTTCLEAN=0")
                self.configure()
                for name in ("CLIENTID", "USERNAME", "PASSWORD"):
                    self.assertEqual(self.ask(f'AT+MQTT{name}=0,"text"').split()[-1], short)


class Faults(Mqtt):
    def test_an_answer_is_missing(self):
        broker = self.open()
        watcher = broker.watch("out")
        self.module.order(fault="missing-publish-answer", count=2)
        self.module.write(b'AT+MQTTPUB=0,"out","one",1,0\r\n')
        self.assertEqual((watcher.message()[3], self.module.quiet(0.3)), (b"one", b""))
        self.ask('AT+MQTTPUBRAW=0,"out",3,0,0')
        self.module.write(b"two")
        self.assertEqual((watcher.message()[3], self.module.quiet(0.3)), (b"two", b""))
        self.assertEqual(self.ask("AT"), b"\r\nOK\r\n")

    def test_a_data_phase_never_ends_until_the_module_is_reset(self):
        self.open()
        self.module.order(fault="stuck-publish")
        self.ask('AT+MQTTPUBRAW=0,"out",3,0,0')
        self.module.write(b"one" + b"\0" * 5000 + b"\r\nAT\r\n")
        self.assertEqual(self.module.quiet(0.5), b"")
        self.module.order(do="reset")
        self.module.until(b"\r\nready\r\n")

    def test_a_subscription_fails_with_the_connection(self):
        self.open()
        self.module.order(fault="subscribe-failure")
        self.assertEqual(self.ask('AT+MQTTSUB=0,"a",1'), b"+MQTTDISCONNECTED:0\r\n\r\nERROR\r\n")

    def test_a_subscription_hangs_the_firmware(self):
        self.open()
        self.module.order(fault="subscribe-hang")
        self.assertEqual(self.ask('AT+MQTTSUB=0,"a",0'), b"\r\nOK\r\n")
        self.module.write(b'AT+MQTTSUB=0,"b",1\r\n')
        self.assertEqual(self.module.quiet(0.5), b"")
        self.module.write(b"AT\r\n")
        self.assertEqual(self.module.quiet(0.3), b"")
        self.module.order(do="reset")
        self.module.until(b"\r\nready\r\n")


if __name__ == "__main__":
    unittest.main()
