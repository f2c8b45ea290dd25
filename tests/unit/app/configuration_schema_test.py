#!/usr/bin/python3
"""The schema for editors and the daemon's own reader must judge alike.

Usage: configuration_schema_test.py SCHEMA EXAMPLES-DIRECTORY PROGRAM [ARGUMENT...]
PROGRAM ARGUMENT... FILE is run for each document: exit status 0 if it is accepted, 78 (EX_CONFIG) if not.
"""

import functools
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema

PORT = {"port": "/dev/ttyUSB0"}


def module(**members):
    return {"modules": {"esp0": {**PORT, **{name.replace("_", "-"): value for name, value in members.items()}}}}


def interface(**members):
    return module(interface={name.replace("_", "-"): value for name, value in members.items()})


def tls(name="mqtt", **members):
    entry = {name.replace("_", "-"): value for name, value in members.items()}
    return module(tls={name: entry})


def forward(name="web", **members):
    entry = {name.replace("_", "-"): value for name, value in members.items()}
    return module(forwards={name: entry})


def named(name):
    return {"modules": {name: PORT}}


def port(value):
    return {"modules": {"esp0": {"port": value}}}


GOOD = [
    {},
    {"$schema": "x"},
    {"$schema": None},
    {"modules": {}},
    {"modules": None},
    {"modules": {"esp0": None}},
    {"modules": {"esp0": PORT, "esp1": {"port": "/dev/ttyUSB1"}}},
    named("a"),
    named("abcdefghijklmno"),
    named("a_1"),
    port("/dev/serial/by-id/usb-Espressif_ÄÖ-if00"),
    port("/x"),
    port("tcp:192.0.2.1:1"),
    port("tcp:host.example:65535"),
    port("tcp:[2001:db8::1]:3333"),
    port("tcp:h:6553"),
    module(baud_rate=80),
    module(baud_rate=5000000),
    module(baud_rate=115200.0),
    module(baud_rate=None),
    module(flow_control="none"),
    module(flow_control="rts-cts"),
    module(flow_control=None),
    module(group="gateways"),
    module(group="g"),
    module(group=None),
    module(interface={}),
    module(interface=None),
    interface(mtu=576),
    interface(mtu=1500),
    interface(default_route=True),
    interface(default_route=False),
    interface(metric=0),
    interface(metric=4294967295),
    interface(addressing="daemon"),
    interface(addressing="external"),
    interface(dns="auto"),
    interface(dns="none"),
    interface(dns=None),
    interface(half_closed_silence=1),
    interface(half_closed_silence=3600),
    interface(half_closed_silence=None),
    interface(mtu=None, default_route=None, metric=None, addressing=None),
    module(tls={}),
    module(tls=None),
    module(tls={"mqtt": None}),
    tls(ports=[1]),
    tls(ports=[65535, 443]),
    tls(ports=[443], hosts=None, server_name=None, verify=None, ca=None, client_certificate=None, alpn=None),
    tls(ports=[443], hosts=[], alpn=[]),
    tls(ports=[443], hosts=["*.example.org", "192.0.2.*", "2001:db8::1", "*"]),
    tls(ports=[443], server_name="a-b.example.org", verify=True, ca=15, client_certificate=0, alpn=["h2", "http/1.1"]),
    tls(ports=[443], verify=False, client_certificate=15),
    tls(ports=[443], alpn=["a", "b", "c", "d", "e"]),
    tls(ports=[443], psk_identity="who", psk_key="00fF"),
    tls(ports=[443], psk_identity=32 * "x", psk_key=64 * "0"),
    tls("A.b-c_d", ports=[443]),
    module(forwards={}),
    module(forwards=None),
    module(forwards={"web": None}),
    forward(port=1),
    forward(port=65535, to_port=1, type="ssl", family="ipv6", max_clients=16),
    forward(port=80, to_port=None, type=None, family=None, max_clients=None),
    forward(port=80, type="tcp", family="ipv4", max_clients=1),
    forward("8080", port=8080),
    forward("A.b-c_d", port=8080),
    forward(32 * "x", port=8080),
]

BAD = [
    module(tls=[]),
    module(tls={"mqtt": 8883}),
    tls(),
    tls(ports=[]),
    tls(ports=8883),
    tls(ports=["8883"]),
    tls(ports=[0]),
    tls(ports=[65536]),
    tls(ports=[443, 443]),
    tls(ports=list(range(1, 34))),
    tls(port=443),
    tls(ports=[443], hosts="a.example"),
    tls(ports=[443], hosts=[""]),
    tls(ports=[443], hosts=["a b"]),
    tls(ports=[443], hosts=["a\r\nAT+RST"]),
    tls(ports=[443], hosts=[254 * "x"]),
    tls(ports=[443], server_name="*.example.org"),
    tls(ports=[443], server_name=""),
    tls(ports=[443], server_name='a"b'),
    tls(ports=[443], verify="yes"),
    tls(ports=[443], ca=16),
    tls(ports=[443], ca=-1),
    tls(ports=[443], ca=True),
    tls(ports=[443], verify=False, ca=1),
    tls(ports=[443], client_certificate="0"),
    tls(ports=[443], alpn=["a", "b", "c", "d", "e", "f"]),
    tls(ports=[443], alpn=[""]),
    tls(ports=[443], alpn=[65 * "x"]),
    tls(ports=[443], alpn=["h2\n"]),
    tls(ports=[443], psk_identity="who"),
    tls(ports=[443], psk_key="00ff"),
    tls(ports=[443], psk_identity="", psk_key="00ff"),
    tls(ports=[443], psk_identity=33 * "x", psk_key="00ff"),
    tls(ports=[443], psk_identity="who", psk_key=""),
    tls(ports=[443], psk_identity="who", psk_key="0"),
    tls(ports=[443], psk_identity="who", psk_key="0g"),
    tls(ports=[443], psk_identity="who", psk_key=66 * "0"),
    tls(ports=[443], psk_identity="who", psk_key="00ff", verify=True),
    tls(ports=[443], psk_identity="who", psk_key="00ff", ca=0),
    tls(ports=[443], psk_identity="who", psk_key="00ff", client_certificate=0),
    tls("", ports=[443]),
    tls("-x", ports=[443]),
    tls("a/b", ports=[443]),
    tls(33 * "x", ports=[443]),
    [],
    "x",
    1,
    None,
    True,
    {"module": {}},
    {"forward": {}},
    {"Modules": {}},
    {"$schema": 1},
    {"modules": []},
    {"modules": "esp0"},
    {"modules": {"esp0": []}},
    {"modules": {"esp0": "/dev/ttyUSB0"}},
    {"modules": {"esp0": {}}},
    named(""),
    named("Esp0"),
    named("0esp"),
    named("_esp"),
    named("esp-0"),
    named("esp.0"),
    named("abcdefghijklmnop"),
    named("é"),
    named("lo"),
    named("all"),
    named("default"),
    port(None),
    port(1),
    port([]),
    port(""),
    port("/"),
    port("ttyUSB0"),
    port("./ttyUSB0"),
    port("/dev/tty USB0"),
    port("/dev/ttyUSB0\t"),
    port("/dev/tty\u0000"),
    port("/dev/\u007f"),
    port("/" + 5000 * "x"),
    port("tcp"),
    port("tcp:"),
    port("tcp:host"),
    port("tcp::80"),
    port("tcp:host:"),
    port("tcp:host:0"),
    port("tcp:host:080"),
    port("tcp:host:65536"),
    port("tcp:host:+80"),
    port("tcp:host:80x"),
    port("tcp:ho st:80"),
    port("tcp:2001:db8::1:80"),
    port("tcp:[]:80"),
    port("tcp:[::1]x:80"),
    port("tcp:[::1:80"),
    port("udp:host:80"),
    port("TCP:host:80"),
    module(speed=1),
    module(baudrate=115200),
    module(baud_rate=79),
    module(baud_rate=5000001),
    module(baud_rate=-1),
    module(baud_rate=115200.5),
    module(baud_rate=1e30),
    module(baud_rate="115200"),
    module(baud_rate=True),
    module(baud_rate=[115200]),
    module(flow_control="RTS-CTS"),
    module(flow_control=""),
    module(flow_control=True),
    module(flow_control=0),
    module(group=""),
    module(group="Gateways"),
    module(group="two words"),
    module(group="abcdefghijklmnop"),
    module(group=7),
    module(interface=[]),
    module(interface="esp0"),
    interface(mtu=575),
    interface(mtu=1501),
    interface(mtu="1500"),
    interface(default_route=1),
    interface(default_route="yes"),
    interface(half_closed_silence=0),
    interface(half_closed_silence=3601),
    interface(metric=-1),
    interface(metric=4294967296),
    interface(metric=1.5),
    interface(metric=False),
    interface(addressing="networkd"),
    interface(addressing=False),
    interface(dns="resolved"),
    interface(dns=["192.0.2.1"]),
    interface(dns=False),
    interface(address="192.0.2.1"),
    module(forwards=[]),
    module(forwards={"web": 8080}),
    forward(),
    forward(to_port=80),
    forward(port=0),
    forward(port=65536),
    forward(port="80"),
    forward(port=80.5),
    forward(port=None),
    forward(port=80, to_port=0),
    forward(port=80, to_port="http"),
    forward(port=80, type="TCP"),
    forward(port=80, type="udp"),
    forward(port=80, family="any"),
    forward(port=80, max_clients=0),
    forward(port=80, max_clients=17),
    forward(port=80, to="8080"),
    forward("", port=80),
    forward("-x", port=80),
    forward("a/b", port=80),
    forward("a b", port=80),
    forward(33 * "x", port=80),
]


def without_comments(text):
    """JSON text without // and /* */ (strings are left alone)."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda match: match.group(1) or "", text, flags=re.DOTALL)


class Judgement(unittest.TestCase):
    schema_file, examples, program = None, None, None

    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(pathlib.Path(cls.schema_file).read_text())
        cls.validator = jsonschema.Draft202012Validator(cls.schema)
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)

    def reader_accepts(self, text):
        file = pathlib.Path(self.directory.name, "espatd.json")
        file.write_text(text)
        result = subprocess.run([*self.program, str(file)], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(result.returncode, (0, 78), f"{text}\n{result.stderr}")
        if result.returncode:
            self.assertIn(str(file), result.stderr, "the message must name the file")
        return result.returncode == 0

    def test_the_schema_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_good_documents_are_accepted_by_both(self):
        for document in GOOD:
            with self.subTest(document=document):
                self.assertEqual([error.message for error in self.validator.iter_errors(document)], [])
                self.assertTrue(self.reader_accepts(json.dumps(document)))

    def test_bad_documents_are_refused_by_both(self):
        for document in BAD:
            with self.subTest(document=document):
                self.assertFalse(self.validator.is_valid(document), "the schema accepts it")
                self.assertFalse(self.reader_accepts(json.dumps(document)), "the reader accepts it")

    def test_what_is_shipped_is_accepted_by_both(self):
        files = sorted(pathlib.Path(self.examples).rglob("*.json"))
        self.assertGreaterEqual(len(files), 4)
        for file in files:
            if file.name.endswith(".schema.json"):
                continue
            with self.subTest(file=file.name):
                text = file.read_text()
                document = json.loads(without_comments(text))
                self.assertEqual([error.message for error in self.validator.iter_errors(document)], [])
                self.assertTrue(self.reader_accepts(text))

    def test_every_default_of_the_schema_is_accepted(self):
        definitions = self.schema["$defs"]
        parts = (
            ("module", module),
            ("interface", interface),
            ("tls-rule", functools.partial(tls, ports=[443])),
            ("forward", functools.partial(forward, port=80)),
        )
        for part, build in parts:
            for key, rule in definitions[part]["properties"].items():
                if "default" in rule:
                    with self.subTest(key=key):
                        self.assertTrue(self.reader_accepts(json.dumps(build(**{key: rule["default"]}))))


if __name__ == "__main__":
    Judgement.schema_file, Judgement.examples, *Judgement.program = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
