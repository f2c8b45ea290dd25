#!/usr/bin/python3
"""Clients in the far world reach programs of the gateway through the module's server."""

import concurrent.futures
import socket
import subprocess
import sys
import tempfile

import far_world
import harness

# Where clients come from; WEB is also the far world's own address.
CLIENTS = [harness.WEB, "198.51.100.25", "198.51.100.26"]

PREFIX = "2001:db8:77::/64"

# Connects from an address, sends what is given, and prints what comes until the end.
CLIENT = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20, source_address=(sys.argv[3], 0)) as connection:
    connection.settimeout(20)
    connection.sendall(sys.argv[4].encode())
    while data := connection.recv(65536):
        sys.stdout.write(data.decode())
"""


class InboundTest(harness.GatewayTest):
    """Somebody on the gateway serves a directory on port 8000."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway.far.add_addresses(CLIENTS[1:])
        directory = cls.gateway.directory / "served"
        directory.mkdir()
        (directory / "page").write_bytes(far_world.pattern(5000))
        (directory / "large").write_bytes(far_world.pattern(150000))
        cls.web = cls.gateway.spawn("web", sys.executable, "-u", "-m", "http.server", "--bind", "::", "8000", cwd=directory)
        harness.wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", 8000)), "the web server listens")

    def state(self):
        forwards = self.gateway.espatctl_json("forward")
        return forwards[0]["state"] if forwards else None

    def wait_until_listening(self, timeout=40):
        harness.wait_for(lambda: self.state() == "listening", "the module listens", timeout)

    def far(self, *command, **options):
        return self.gateway.run(*self.gateway.far.inside(*command), **options)

    def fetch(self, path, *options, client=CLIENTS[0], server=None, port=8080, scheme="http", **run_options):
        """What a client in the far world gets from the gateway's web server; None if it does not."""
        address = f"{scheme}://{server or self.gateway.address()}:{port}{path}"
        command = ["curl", "-gsS", "--fail", "--max-time", "30", "--interface", client, *options, address]
        result = self.far(*command, check=False, text=False, **run_options)
        return result.stdout if result.returncode == 0 else None

    def talk(self, text="", port=8080, client=CLIENTS[0]):
        """What the gateway's program says to a client of the far world until it ends the connection."""
        return self.far(sys.executable, "-c", CLIENT, self.gateway.address(), str(port), client, text).stdout

    def add(self, *arguments):
        self.gateway.espatctl("forward", "add", *arguments)
        self.addCleanup(self.remove_if_there)
        self.wait_until_listening()

    def remove_if_there(self):
        for forward in self.gateway.espatctl_json("forward"):
            self.gateway.espatctl("forward", "remove", forward["name"])


class Forward(InboundTest):
    def test_a_program_serves_clients_and_sees_their_own_addresses(self):
        self.add("8080", "--to", "8000")
        for client in CLIENTS:
            self.assertEqual(self.fetch("/page", client=client), far_world.pattern(5000))
            self.assertIn(f"{client} - - [", self.web.text())

    def test_several_clients_are_served_at_once_and_shown_as_incoming(self):
        self.add("8080", "--to", "8000")
        with concurrent.futures.ThreadPoolExecutor(len(CLIENTS)) as pool:
            pages = [pool.submit(self.fetch, "/large", client=client) for client in CLIENTS]

            def incoming():
                links = self.gateway.espatctl_json("links")
                return {link["remote"].rsplit(":", 1)[0] for link in links if link["direction"] == "in" and link["remote"]}

            harness.wait_for(lambda: incoming() == set(CLIENTS), "all clients are shown", 20)
            # The gateway's own programs have a link left.
            self.assertEqual(self.gateway.fetch("/bytes/1000"), far_world.pattern(1000))
            for page in pages:
                self.assertEqual(page.result(), far_world.pattern(150000))

    def test_a_second_forward_is_refused_and_the_limit_explained(self):
        self.add("8080", "--to", "8000")
        second = self.gateway.espatctl("forward", "add", "2222", check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("one server, and forward 8080 uses it for port 8080: remove that one first", second.stderr)

    def test_a_forward_that_is_removed_lets_nobody_in(self):
        self.add("8080", "--to", "8000")
        self.assertIsNotNone(self.fetch("/page"))
        self.gateway.espatctl("forward", "remove", "8080")
        self.assertEqual(self.gateway.espatctl_json("forward"), [])
        harness.wait_for(lambda: self.fetch("/page") is None, "nobody is let in", 10)
        missing = self.gateway.espatctl("forward", "remove", "8080", check=False)
        self.assertEqual(missing.returncode, 3)

    def test_a_client_whom_no_program_answers_is_disconnected(self):
        self.add("8080", "--to", "8001")
        self.assertEqual(self.talk("hello"), "")

    def test_the_programs_end_is_the_clients_end(self):
        self.add("8080", "--to", "8002")
        server = self.gateway.spawn("once", "nc", "-l", "-N", "8002", stdin=subprocess.PIPE)
        harness.wait_for(lambda: ":8002 " in self.gateway.run("ss", "-ltn").stdout, "nc listens")
        server.popen.stdin.write(b"goodbye")
        server.popen.stdin.close()
        self.assertEqual(self.talk("hello"), "goodbye")

    def test_it_is_served_again_after_a_reset_of_the_module(self):
        self.add("8080", "--to", "8000")
        self.gateway.module.control(do="reset")
        harness.wait_for(lambda: self.state() != "listening", "the reset is noticed", 20)
        harness.wait_for(lambda: self.fetch("/page") == far_world.pattern(5000), "clients are served again", 60)

    def test_it_is_served_again_when_wifi_comes_back(self):
        self.add("8080", "--to", "8000")
        ssid = self.gateway.module.access_point["ssid"]
        self.gateway.module.control(do="ap-down", ssid=ssid)
        harness.wait_for(lambda: self.state() == "waiting", "the loss is noticed", 40)
        self.gateway.module.control(do="ap-change", ssid=ssid)
        self.gateway.wait_for_address(timeout=60)
        self.wait_until_listening()
        self.assertEqual(self.fetch("/page"), far_world.pattern(5000))

    def test_it_is_kept_across_restarts_of_the_daemon(self):
        self.add("8080", "--to", "8000", "--name", "web")
        self.gateway.stop_daemon()
        self.assertIsNone(self.fetch_without_daemon(), "nobody is let in whom nobody serves")
        self.gateway.start_daemon()
        self.gateway.wait_for_address(timeout=40)
        self.wait_until_listening()
        self.assertEqual(self.fetch("/page"), far_world.pattern(5000))

    def fetch_without_daemon(self):
        address = self.gateway.module.access_point["dhcp"]["address"]
        command = ["curl", "-sS", "--max-time", "5", "--interface", CLIENTS[0], f"http://{address}:8080/page"]
        result = self.far(*command, check=False)
        return result.stdout if result.returncode == 0 else None


class BesideAWire(InboundTest):
    """eth0 has the better default route and the kernel filters reverse paths strictly: answers leave where requests came in."""

    def setUp(self):
        run = harness.namespaces.run
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0far")
        self.addCleanup(run, "ip", "link", "delete", "eth0")
        run("ip", "address", "add", "10.0.0.2/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
        run("ip", "link", "set", "eth0far", "up")  # or there is no carrier
        run("ip", "route", "add", "default", "via", "10.0.0.1", "dev", "eth0", "metric", "100")
        for name in ("all", "esp0"):
            with open(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "w", encoding="ascii") as setting:
                setting.write("1")

    def test_a_client_from_the_internet_is_served(self):
        self.add("8080", "--to", "8000")
        self.assertEqual(self.fetch("/page"), far_world.pattern(5000))

    def test_an_address_of_the_wire_is_turned_away(self):
        self.gateway.far.add_addresses(["10.0.0.7"])
        self.add("8080", "--to", "8000")
        self.assertIsNone(self.fetch("/page", client="10.0.0.7"))
        self.assertIn("10.0.0.7 has an address of a network behind another interface", self.gateway.daemon.text())
        self.assertNotIn("10.0.0.7", self.web.text())


class OverIpv6(InboundTest):
    @classmethod
    def setUpClass(cls):
        world = harness.default_world()
        world["access-points"][0]["ipv6"] = {"prefix": PREFIX}
        cls.options = {**harness.GatewayTest.options, "world": world}
        super().setUpClass()
        cls.gateway.wait_for_ipv6()

    def test_a_program_serves_clients_and_sees_their_own_addresses(self):
        self.add("8080", "--to", "8000", "--ipv6")
        page = self.fetch("/page", client=harness.WEB6, server=f"[{harness.ipv6_address(PREFIX)}]")
        self.assertEqual(page, far_world.pattern(5000))
        self.assertIn(f"{harness.WEB6} - - [", self.web.text())
        # One family: the module has one server.
        self.assertIsNone(self.fetch("/page"))

    def test_large_files_go_to_a_client_that_is_shown_as_incoming(self):
        self.add("8080", "--to", "8000", "--ipv6")
        server = f"[{harness.ipv6_address(PREFIX)}]"
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            page = pool.submit(self.fetch, "/large", client=harness.WEB6, server=server)

            def incoming():
                links = self.gateway.espatctl_json("links")
                return [(link["proto"], link["remote"].rsplit(":", 1)[0]) for link in links if link["direction"] == "in" and link["remote"]]

            harness.wait_for(lambda: ("tcp6", f"[{harness.WEB6}]") in incoming(), "the client is shown", 20)
            self.assertEqual(page.result(), far_world.pattern(150000))

    def test_it_is_served_again_after_a_reset_of_the_module(self):
        self.add("8080", "--to", "8000", "--ipv6")
        self.gateway.module.control(do="reset")
        harness.wait_for(lambda: self.state() != "listening", "the reset is noticed", 20)
        self.wait_until_listening()
        page = self.fetch("/page", client=harness.WEB6, server=f"[{harness.ipv6_address(PREFIX)}]")
        self.assertEqual(page, far_world.pattern(5000))


class Tls(InboundTest):
    """The forward is configured, not added."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="espat-")
        cls.addClassCleanup(directory.cleanup)
        key, certificate = f"{directory.name}/key.pem", f"{directory.name}/certificate.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=module"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], capture_output=True, check=True)
        world = {**harness.default_world(), "certificates": {"server_cert.0": certificate, "server_key.0": key}}
        forwards = {"secure": {"port": 8443, "to-port": 8000, "type": "ssl"}}
        cls.options = {**harness.GatewayTest.options, "forwards": forwards, "world": world}
        super().setUpClass()

    def test_the_module_does_tls_and_the_program_sees_plain_text(self):
        self.wait_until_listening()
        page = self.fetch("/page", "--insecure", port=8443, scheme="https")
        self.assertEqual(page, far_world.pattern(5000))
        self.assertIn(f"{CLIENTS[0]} - - [", self.web.text())

    def test_what_a_file_configures_is_not_removed_at_run_time(self):
        refused = self.gateway.espatctl("forward", "remove", "8443", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is configured in", refused.stderr)


if __name__ == "__main__":
    harness.main()
