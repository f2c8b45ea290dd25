#!/usr/bin/python3
"""Streams in which the module does TLS: espatctl stream --tls, and descriptors that a program gets over D-Bus."""

import json
import subprocess

import far_world
import harness
from tls_gateway import NAME, NAME6, TlsTest

REQUEST = b"GET / HTTP/1.0\r\n\r\n"

# Asks for a stream with the options that come as JSON; prints the error that it gets instead.
CLIENT = """
import json, sys
import dbus
network = dbus.Interface(dbus.SystemBus().get_object('org.espat1', '/org/espat1/module/esp0'), 'org.espat1.Network')
host, port, options = sys.argv[1], dbus.UInt16(sys.argv[2]), dbus.Dictionary(json.loads(sys.argv[3]), signature='sv')
try:
    network.OpenStream('ssl', host, port, options, timeout=60).take()
except dbus.DBusException as error:
    print(error.get_dbus_name(), error.get_dbus_message())
"""


class TlsStreams(TlsTest):
    def stream(self, *arguments, **options):
        return self.gateway.espatctl("stream", "--tls", *arguments, text=False, **options)

    def ask(self, *arguments, port="8443"):
        """What the server says of the connection that the arguments make."""
        answer = self.stream(*arguments, port, input=REQUEST).stdout
        return json.loads(answer.split(b"\r\n\r\n", 1)[1])

    def refusal(self, host, port, **options):
        """The error of a stream that does not come about, and what espatctl says of the same one."""
        error = self.gateway.run("/usr/bin/python3", "-c", CLIENT, host, port, json.dumps(options)).stdout
        arguments = [f"--{key}={value}" for key, value in options.items()]
        result = self.stream(*arguments, host, port, input=REQUEST, check=False)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        sentence = error.split(" ", 1)[1].strip()
        self.assertEqual(result.stderr.decode().rstrip(".\n"), f"espatctl: {sentence[0].upper()}{sentence[1:]}")
        return error

    def wait_until_no_link_is_left(self):
        links = lambda: [link for link in self.gateway.espatctl_json("links") if not link["proto"].startswith("udp")]
        harness.wait_for(lambda: not links(), "all links are closed", 60)

    def test_the_server_hears_the_name_and_the_link_is_shown_as_ssl(self):
        self.assertEqual(self.ask(NAME), {"server_name": NAME, "version": "TLSv1.2", "alpn": None, "client": None})
        process = self.gateway.spawn("shown", harness.program("ESPATCTL"), "stream", "--tls", NAME, "8447", stdin=subprocess.PIPE)
        links = lambda: [(link["proto"], link["name"]) for link in self.gateway.espatctl_json("links") if link["state"] == "open"]
        harness.wait_for(lambda: ("ssl", NAME) in links(), "the link is shown", 60)
        process.popen.terminate()
        process.popen.wait(10)
        process.popen.stdin.close()
        self.wait_until_no_link_is_left()

    def test_data_goes_both_ways_unchanged(self):
        data = far_world.pattern(100000)
        process = self.gateway.spawn(
            *("echo", harness.program("ESPATCTL"), "stream", "--tls", NAME, "8447"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        source = self.gateway.directory / "source"
        source.write_bytes(data)
        # The input stays open until all is back: a server that hears of an end might drop the rest.
        sender = self.gateway.spawn("sender", "cat", source, stdout=process.popen.stdin)
        self.assertEqual(process.popen.stdout.read(len(data)), data)
        sender.popen.wait(10)
        process.popen.stdin.close()
        process.popen.terminate()
        process.popen.wait(10)
        self.wait_until_no_link_is_left()

    def test_everything_comes_and_then_the_end(self):
        result = self.stream(NAME, "8448", input=b"150000\n", timeout=120)
        self.assertEqual(result.stdout, far_world.pattern(150000))
        self.wait_until_no_link_is_left()

    def test_a_certificate_for_another_name_is_refused_with_the_reason(self):
        error = self.refusal(NAME, "8443", **{"server-name": "mail.espat.example"})
        self.assertTrue(error.startswith("org.espat1.Error.Failed "), error)
        self.assertIn("for another name", error)

    def test_a_certificate_of_an_unknown_authority_is_refused_with_the_reason(self):
        self.assertIn("does not come from the CA", self.refusal(NAME, "8444"))

    def test_a_server_that_speaks_no_tls_is_told_apart_from_one_that_is_not_there(self):
        self.assertIn("not TLS", self.refusal(NAME, "19"))
        self.assertIn("refused", self.refusal(NAME, "8449"))

    def test_an_address_needs_a_server_name(self):
        error = self.refusal(harness.WEB, "8443")
        self.assertTrue(error.startswith("org.espat1.Error.InvalidArgument "), error)
        self.assertIn("server-name", error)
        self.assertEqual(self.ask("--server-name", NAME, harness.WEB)["server_name"], NAME)

    def test_protocols_are_offered(self):
        self.assertEqual(self.ask("--alpn", "h2", "--alpn", "http/1.1", NAME)["alpn"], "http/1.1")

    def test_a_rule_says_how(self):
        self.rule("mutual", "1", "--client-certificate", "0")
        self.assertEqual(self.ask("--rule", "mutual", NAME, port="8445")["client"], "gateway")
        missing = self.stream("--rule", "nobody", NAME, "8445", check=False)
        self.assertEqual(missing.returncode, 3, missing.stderr)

    def test_it_works_over_ipv6_with_the_name_checked(self):
        self.gateway.wait_for_ipv6()
        self.assertEqual(self.ask(NAME6)["server_name"], NAME6)
        self.assertIn("for another name", self.refusal(NAME6, "8443", **{"server-name": "mail.espat.example"}))


class FirmwareThatChecksNoNames(harness.GatewayTest):
    options = {**harness.GatewayTest.options, "simulator_options": ["--without", "AT+CIPSSLCCN"]}

    def test_a_stream_is_refused_with_the_command_that_is_missing(self):
        result = self.gateway.espatctl("stream", "--tls", harness.WEB, "8443", "--server-name", NAME, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("AT+CIPSSLCCN", result.stderr)


if __name__ == "__main__":
    harness.main()
