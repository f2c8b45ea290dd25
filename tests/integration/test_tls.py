#!/usr/bin/python3
"""Plain programs reach TLS servers by rules; what cannot be trusted is reset, and D-Bus and the journal say why."""

import json
import subprocess

import harness
import tls_gateway
from tls_gateway import NAME, NAME6

KEY = "5ec2e7000102030405060708090a0b0c"  # what no log may show


class Tls(tls_gateway.TlsTest):
    monitors = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        arguments = ["-accept", f"{harness.WEB}:8446", "-psk", KEY, "-psk_identity", "gateway", "-nocert", "-tls1_2", "-www"]
        cls.gateway.spawn_far("psk-server", "openssl", "s_server", *arguments)

    def ask(self, port, name=NAME):
        """What the server at the other end says of the connection."""
        return json.loads(self.gateway.run("curl", "-sS", "--fail", f"http://{name}:{port}/").stdout)

    def refused(self, url):
        """Fetches what must not succeed; what D-Bus told of it, as espatctl shows it."""
        Tls.monitors += 1
        arguments = [harness.program("ESPATCTL"), "--json=short", "monitor", "--no-reports"]
        monitor = self.gateway.spawn(f"monitor-{Tls.monitors}", *arguments)

        def told():
            # Again until the monitor is there to see it.
            result = self.gateway.run("curl", "-sS", "--max-time", "40", url, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertEqual(result.stdout, "")
            events = [json.loads(line) for line in monitor.text().splitlines()]
            return next((event["values"] for event in events if event["event"] == "tls-failed"), None)

        try:
            return harness.wait_for(told, "D-Bus tells why", 60)
        finally:
            monitor.popen.kill()
            monitor.popen.wait()

    def test_a_plain_program_reaches_an_https_server(self):
        self.rule("web", "8443", "--host", "*.espat.example")
        self.assertEqual(self.ask(8443), {"server_name": NAME, "version": "TLSv1.2", "alpn": None, "client": None})
        listed = self.gateway.espatctl_json("tls")
        self.assertEqual([(rule["name"], rule["ports"], rule["verify"], rule["ca"]) for rule in listed], [("web", [8443], True, 0)])

    def test_the_list_of_links_shows_the_name_that_was_looked_up(self):
        program = self.gateway.spawn("nc", "nc", NAME, "7", stdin=subprocess.PIPE)
        self.addCleanup(program.popen.stdin.close)

        def link():
            links = self.gateway.espatctl_json("links")
            return next((link for link in links if link["remote"] == f"{harness.WEB}:7"), None)

        self.assertEqual(harness.wait_for(link, "the link is listed")["name"], NAME)

    def test_without_a_rule_the_server_hears_plain_text(self):
        result = self.gateway.run("curl", "-sS", f"http://{NAME}:8443/", check=False)
        self.assertNotEqual(result.returncode, 0)

    def test_a_rule_holds_over_ipv6_too_and_names_are_checked(self):
        self.gateway.wait_for_ipv6()
        self.rule("web", "8443", "--host", NAME6)
        self.assertEqual(self.ask(8443, NAME6), {"server_name": NAME6, "version": "TLSv1.2", "alpn": None, "client": None})
        self.gateway.espatctl("tls", "remove", "web")
        self.rule("wrong", "8443", "--server-name", "mail.espat.example")
        details = self.refused(f"http://{NAME6}:8443/")
        self.assertEqual((details["remote"], details["name"]), (f"[{harness.WEB6}]:8443", NAME6))
        self.assertIn("for another name", details["reason"])

    def test_a_certificate_for_another_name_is_refused(self):
        self.rule("wrong", "8443", "--server-name", "mail.espat.example")
        details = self.refused(f"http://{NAME}:8443/")
        self.assertEqual((details["remote"], details["name"], details["rule"]), (f"{harness.WEB}:8443", NAME, "wrong"))
        self.assertIn("for another name", details["reason"])
        self.assertIn("for another name", self.gateway.daemon.text())

    def test_a_certificate_of_an_unknown_authority_is_refused_unless_nobody_checks(self):
        self.rule("stranger", "8444")
        self.assertIn("does not come from the CA", self.refused(f"http://{NAME}:8444/")["reason"])
        self.gateway.espatctl("tls", "remove", "stranger")
        self.rule("unchecked", "8444", "--no-verify")
        self.assertEqual(self.ask(8444)["server_name"], NAME)

    def test_a_server_that_speaks_no_tls_is_told_apart(self):
        self.rule("endless", "19")  # it talks at once
        self.assertIn("not TLS", self.refused(f"http://{NAME}:19/")["reason"])

    def test_a_program_that_looks_nothing_up_needs_a_server_name(self):
        self.rule("literal", "8443")
        # Nobody has looked this address up.
        self.assertIn("server-name", self.refused("http://198.51.100.77:8443/")["reason"])
        self.gateway.espatctl("tls", "remove", "literal")
        self.rule("named", "8443", "--server-name", NAME)
        answer = self.gateway.run("curl", "-sS", "--fail", f"http://{harness.WEB}:8443/").stdout
        self.assertEqual(json.loads(answer)["server_name"], NAME)

    def test_a_client_certificate_is_shown_where_a_rule_says_so(self):
        self.rule("mutual", "8445", "--client-certificate", "0")
        self.assertEqual(self.ask(8445)["client"], "gateway")
        self.gateway.espatctl("tls", "remove", "mutual")
        self.rule("anonymous", "8445")
        self.assertRegex(self.refused(f"http://{NAME}:8445/")["reason"], "alert|reset|closed")

    def test_a_certificate_that_the_module_lacks_is_named(self):
        self.rule("missing", "8443", "--ca", "7")
        self.assertEqual(self.refused(f"http://{NAME}:8443/")["reason"], "the module has no CA certificate number 7")

    def test_protocols_are_offered(self):
        self.rule("alpn", "8443", "--alpn", "h2", "--alpn", "http/1.1")
        self.assertEqual(self.ask(8443)["alpn"], "http/1.1")
        # Another rule on the same link offers none.
        self.gateway.espatctl("tls", "remove", "alpn")
        self.rule("no-alpn", "8443")
        self.assertIsNone(self.ask(8443)["alpn"])

    def test_a_pre_shared_key_stays_a_secret(self):
        self.rule("key", "8446", "--psk-identity", "gateway", "--psk-key-file", "-", input=KEY + "\n")
        page = self.gateway.run("curl", "-sS", f"http://{NAME}:8446/").stdout
        self.assertIn("PSK", page)
        listed = self.gateway.espatctl("--json=short", "tls").stdout
        self.assertEqual(json.loads(listed)[0]["psk_identity"], "gateway")
        self.assertNotIn(KEY, listed + self.gateway.daemon.text())
        state = self.gateway.directory / "state/modules.json"
        self.assertEqual(state.stat().st_mode & 0o777, 0o600)
        wrong = KEY[::-1]
        self.gateway.espatctl("tls", "remove", "key")
        self.rule("wrong-key", "8446", "--psk-identity", "gateway", "--psk-key-file", "-", input=wrong + "\n")
        self.assertEqual(self.refused(f"http://{NAME}:8446/")["rule"], "wrong-key")

    def test_a_rule_is_kept_across_a_restart_of_the_daemon(self):
        self.rule("kept", "8443")
        self.gateway.stop_daemon()
        self.gateway.start_daemon()
        self.gateway.wait_for_address()
        self.assertEqual([rule["name"] for rule in self.gateway.espatctl_json("tls")], ["kept"])
        self.assertEqual(self.ask(8443)["server_name"], NAME)

    def test_certificates_are_not_checked_without_the_time(self):
        self.rule("web", "8443")
        self.gateway.clock_mark.unlink()
        self.gateway.espatctl("reset")
        self.gateway.wait_until_ready()
        self.gateway.wait_for_address()
        try:
            self.assertIn("clock is not synchronised", self.refused(f"http://{NAME}:8443/")["reason"])
        finally:
            self.gateway.clock_mark.touch()
        self.assertEqual(self.ask(8443)["version"], "TLSv1.2")


class FirmwareThatChecksNoNames(harness.GatewayTest):
    options = {**harness.GatewayTest.options, "simulator_options": ["--without", "AT+CIPSSLCCN"]}
    joined = False

    def test_a_rule_is_refused_with_the_command_that_is_missing(self):
        self.gateway.wait_until_ready()
        result = self.gateway.espatctl("tls", "add", "web", "8443", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("AT+CIPSSLCCN", result.stderr)
        self.assertEqual(self.gateway.espatctl_json("tls"), [])


if __name__ == "__main__":
    harness.main()
