#!/usr/bin/python3
"""MQTT over TLS and WebSocket: every scheme of the firmware, and who is refused."""

import json
import pathlib
import sys

import harness
import mqtt_broker
import mqtt_gate
import tls_gateway
from mqtt_broker import Broker


class Security(mqtt_broker.WithMqtt):
    """A broker whose certificate comes from the module's CA."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(cls.gateway, cls.certificates)
        program = pathlib.Path(mqtt_gate.__file__)
        cls.gate = cls.gateway.spawn_far("mqtt-gate", sys.executable, program, harness.WEB, cls.certificates)
        harness.wait_for(lambda: "ready" in cls.gate.text(), "the gate is open")

    def setUp(self):
        self.addCleanup(self.mqtt, "disconnect", check=False)

    def connect(self, transport, *arguments, **options):
        return self.mqtt("connect", tls_gateway.NAME, "--transport", transport, *arguments, **options)

    def refused(self, *arguments):
        result = self.connect(*arguments, check=False)
        self.assertNotEqual(result.returncode, 0, result)
        self.assertEqual(self.status()["state"], "disconnected")
        return result.stderr

    def seen_by_gate(self, *arguments):
        """What the gate was asked for by a session that came about through it."""
        before = len(self.gate.text().splitlines())
        self.connect(*arguments)
        self.round_trip()
        return json.loads(self.gate.text().splitlines()[before])

    def test_every_scheme_carries_messages_both_ways(self):
        own = ("--client-certificate", "0")
        for transport, *arguments in (
            ("tcp", "--port", mqtt_broker.PORT),
            ("tls", "--insecure"),
            ("tls",),
            ("tls", "--insecure", "--port", Broker.CLIENT_PORT, *own),
            ("tls", "--port", Broker.CLIENT_PORT, *own),
            ("ws", "--port", Broker.WS_PORT, "--path", "/mqtt"),
            ("wss", "--insecure", "--port", Broker.WSS_PORT),
            ("wss", "--port", Broker.WSS_PORT),
            ("wss", "--insecure", "--port", Broker.WSS_CLIENT_PORT, *own),
            ("wss", "--port", Broker.WSS_CLIENT_PORT, *own),
        ):
            with self.subTest(transport=transport, arguments=arguments):
                self.connect(transport, *arguments)
                self.round_trip()

    def test_a_certificate_for_another_name_is_refused(self):
        self.refused("tls", "--server-name", "another.example")

    def test_a_certificate_of_an_unknown_authority_is_refused_unless_it_is_not_checked(self):
        self.refused("tls", "--port", Broker.STRANGER_PORT)
        self.connect("tls", "--port", Broker.STRANGER_PORT, "--insecure")

    def test_without_a_client_certificate_some_doors_stay_closed(self):
        for transport, port in (("tls", Broker.CLIENT_PORT), ("wss", Broker.WSS_CLIENT_PORT)):
            self.assertIn("certificates", self.refused(transport, "--port", port))

    def test_certificates_that_the_firmware_has_no_place_for_are_refused_by_their_number(self):
        self.assertIn("no CA certificate with this number", self.refused("tls", "--ca", "1"))
        self.assertIn("no certificate of its own with this number", self.refused("tls", "--client-certificate", "1"))

    def test_the_server_is_told_its_name_and_the_protocol(self):
        asked = self.seen_by_gate("tls", "--port", "8885", "--alpn", "other", "--alpn", mqtt_gate.PROTOCOL)
        self.assertEqual((asked["server_name"], asked["alpn"]), (tls_gateway.NAME, mqtt_gate.PROTOCOL))
        self.refused("tls", "--port", "8885")
        asked = self.seen_by_gate("tls", "--port", "8885", "--alpn", mqtt_gate.PROTOCOL, "--server-name", tls_gateway.NAME6)
        self.assertEqual(asked["server_name"], tls_gateway.NAME6)

    def test_the_path_arrives(self):
        asked = self.seen_by_gate("ws", "--port", "8887", "--path", "/a/b?c=d")
        self.assertEqual(asked["request"], "GET /a/b?c=d HTTP/1.1")
        asked = self.seen_by_gate("wss", "--port", "8886", "--path", "/secure", "--alpn", mqtt_gate.PROTOCOL)
        self.assertEqual(asked["request"], "GET /secure HTTP/1.1")
        self.assertEqual((asked["server_name"], asked["alpn"]), (tls_gateway.NAME, mqtt_gate.PROTOCOL))

    def test_certificates_are_not_checked_without_the_time(self):
        self.gateway.clock_mark.unlink()
        self.gateway.espatctl("reset")
        self.gateway.wait_until_ready()
        self.gateway.wait_for_address()
        try:
            for transport, port in (("tls", Broker.TLS_PORT), ("wss", Broker.WSS_PORT)):
                self.assertIn("clock is not synchronised", self.refused(transport, "--port", port))
            self.connect("tls", "--insecure")
        finally:
            self.gateway.clock_mark.touch()
        self.connect("tls")
        self.round_trip()

    def test_a_secure_session_comes_back_with_all_that_it_was_made_with(self):
        process = self.gateway.spawn(self.unique("sub"), harness.program("ESPATCTL"), "mqtt", "sub", "-c", "1", "secure/again")
        self.assertEqual(process.popen.wait(20), 1)  # there is no session yet
        self.connect("wss", "--port", Broker.WSS_CLIENT_PORT, "--client-certificate", "0", "--client-id", "l" * 300)
        process = self.subscribe("mqtt", "sub", "-c", "1", "secure/again")
        self.gateway.espatctl("reset")
        self.wait_for_state("connected", 60)
        self.broker.publish("secure/again", b"and again")
        self.assertEqual(self.output_of(process), b"and again\n")


class SecurityOnEsp32C61(Security, tls_gateway.TlsTest):
    pass


class SecurityOnEsp32V4(Security, tls_gateway.TlsTest):
    dialect = "esp32-v4"


if __name__ == "__main__":
    harness.main()
