#!/usr/bin/python3
"""IPv6 on esp0: the module's addresses come and go, and ordinary programs use them beside IPv4."""

import errno
import hashlib
import socket
import subprocess

import far_world
import harness

PREFIX, OTHER_PREFIX = "2001:db8:77::/64", "2001:db8:78::/64"
LINK_LOCAL, GLOBAL = harness.ipv6_address("fe80::/64"), harness.ipv6_address(PREFIX)


def world(**access_point):
    surroundings = harness.default_world()
    surroundings["access-points"][0].update(access_point)
    return surroundings


class WithIpv6(harness.GatewayTest):
    def wait_for_addresses(self, *expected):
        harness.wait_for(lambda: self.gateway.ipv6_addresses() == set(expected), f"esp0 has {expected or 'no IPv6 address'}")

    def download(self, name, address, count, pause=0):
        """Starts curl; a function that waits for it and gives its exit status and the digest of what came."""
        file = self.gateway.directory / name
        path = f"/slow/{count}/{pause}" if pause else f"/bytes/{count}"
        host = f"[{address}]" if ":" in address else address
        curl = self.gateway.spawn(name, "curl", "-sS", "--fail", "-o", file, f"http://{host}{path}")

        def result():
            return curl.popen.wait(90), hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""

        result.begun = lambda: file.exists() and file.stat().st_size > 0
        return result


def digest(count):
    return hashlib.sha256(far_world.pattern(count)).hexdigest()


class Programs(WithIpv6):
    options = {**harness.GatewayTest.options, "world": world(ipv6={"prefix": PREFIX})}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls().wait_for_addresses(f"{LINK_LOCAL}/64", f"{GLOBAL}/64")

    def test_esp0_has_the_modules_addresses_and_a_default_route(self):
        shown = self.gateway.run("ip", "-6", "address", "show", "dev", "esp0").stdout
        self.assertEqual(shown.count("nodad noprefixroute"), 2, shown)
        self.assertIn("default dev esp0", self.gateway.run("ip", "-6", "route").stdout)
        status = self.gateway.espatctl_json("status")
        self.assertEqual(status["addresses"], ["192.168.77.20/24", f"{GLOBAL}/64", f"{LINK_LOCAL}/64"])
        self.assertEqual(status["gateway"], "192.168.77.1")

    def test_curl_fetches_a_page_by_address_and_by_name(self):
        for host in (f"[{harness.WEB6}]", f"[{harness.NEAR}%25esp0]", "six.espat.example", "both.espat.example"):
            with self.subTest(host=host):
                result = self.gateway.run("curl", "-6", "-g", "-sS", "--fail", f"http://{host}/", text=False)
                self.assertEqual(result.stdout, far_world.PAGE)

    def test_a_refused_connect_is_refused(self):
        result = self.gateway.run("nc", "-6", "-v", "-w", "20", harness.WEB6, "81", check=False)
        self.assertIn("Connection refused", result.stderr)

    def test_ping_is_answered_from_afar_and_from_the_link(self):
        for host in (harness.WEB6, f"{harness.NEAR}%esp0"):
            with self.subTest(host=host):
                result = self.gateway.run("ping", "-6", "-c", "1", "-W", "8", host)
                self.assertIn(" 0% packet loss", result.stdout)

    def test_espatctl_pings_and_resolves(self):
        for host in ("six.espat.example", f"{harness.NEAR}%esp0"):
            answer = self.gateway.espatctl_json("ping", host)
            self.assertEqual(answer["received"], answer["transmitted"], host)
        answer = self.gateway.espatctl_json("resolve", "--ipv6", "both.espat.example")
        self.assertEqual(answer["addresses"], [harness.WEB6])

    def test_dig_asks_servers_of_either_family(self):
        for server in (harness.WEB6, self.gateway.name_server):
            with self.subTest(server=server):
                answer = self.gateway.run("dig", f"@{server}", "+short", "AAAA", "six.espat.example").stdout.strip()
                self.assertEqual(answer, harness.WEB6)

    def test_datagrams_are_echoed_one_by_one(self):
        script = (
            "import socket\n"
            f"for host in ('{harness.WEB6}', '{harness.NEAR}%esp0', '{harness.WEB}'):\n"
            " place=socket.getaddrinfo(host,7,type=socket.SOCK_DGRAM)[0]\n"
            " s=socket.socket(place[0],place[1]);s.settimeout(8);s.connect(place[4])\n"
            " for size in (1,100,1200,1400):\n"
            "  s.send(bytes([size%256])*size)\n"
            "  assert s.recv(4096)==bytes([size%256])*size,(host,size)\n"
        )
        self.gateway.run("/usr/bin/python3", "-c", script)

    def test_nc_sends_all_then_reads_the_answer_after_its_own_end(self):
        data = far_world.pattern(50000)
        result = self.gateway.run("nc", "-6", "-N", "-w", "20", harness.WEB6, "7", input=data, text=False)
        self.assertEqual(result.stdout, data)

    def test_both_families_carry_data_at_once(self):
        count = 200_000
        downloads = [self.download(f"at-once-{address}", address, count) for address in (harness.WEB, harness.WEB6)]
        links = []

        def both_are_listed():
            links[:] = self.gateway.espatctl_json("links")
            return {link["proto"] for link in links} >= {"tcp", "tcp6"}

        harness.wait_for(both_are_listed, "both downloads have a link")
        self.assertIn(f"[{harness.WEB6}]:80", [link["remote"] for link in links])
        for download in downloads:
            self.assertEqual(download(), (0, digest(count)))

    def test_a_link_local_source_gets_no_further_than_the_link(self):
        with socket.socket(socket.AF_INET6) as program:
            program.bind((LINK_LOCAL, 0, 0, socket.if_nametoindex("esp0")))
            program.settimeout(20)
            with self.assertRaises(OSError) as refusal:
                program.connect((harness.WEB6, 80))
        self.assertEqual(refusal.exception.errno, errno.EHOSTUNREACH, "beyond scope of source address")


class ComingAndGoing(WithIpv6):
    options = {**harness.GatewayTest.options, "world": world()}

    def setUp(self):
        self.wait_for_addresses(f"{LINK_LOCAL}/64")

    def tearDown(self):
        self.gateway.module.control(do="ap-change", ssid="Workshop", ipv6=None)
        self.gateway.module.control(do="ap-down", ssid="Workshop")
        self.wait_for_addresses()
        self.gateway.module.control(do="ap-change", ssid="Workshop")
        self.gateway.wait_for_address()

    def far_has(self, prefix):
        address = harness.ipv6_address(prefix)
        subprocess.run(self.gateway.far.inside("ip", "address", "replace", f"{address}/128", "dev", "lo"), check=True)
        return address

    def test_a_global_address_that_comes_later_disturbs_no_download(self):
        count = 60_000
        download = self.download("undisturbed", harness.WEB, count, pause=200)
        harness.wait_for(download.begun, "the download has begun")
        self.assertNotIn("default", self.gateway.run("ip", "-6", "route").stdout)
        late = self.far_has(PREFIX)
        self.gateway.module.control(do="ap-change", ssid="Workshop", ipv6={"prefix": PREFIX})
        self.wait_for_addresses(f"{LINK_LOCAL}/64", f"{late}/64")
        self.assertIn("default dev esp0", self.gateway.run("ip", "-6", "route").stdout)
        self.assertEqual(download(), (0, digest(count)))

    def test_another_prefix_ends_the_connections_of_the_old_address_alone(self):
        count = 60_000
        for prefix in (PREFIX, OTHER_PREFIX):
            self.far_has(prefix)
        self.gateway.module.control(do="ap-change", ssid="Workshop", ipv6={"prefix": PREFIX})
        self.wait_for_addresses(f"{LINK_LOCAL}/64", f"{GLOBAL}/64")
        four = self.download("four", harness.WEB, count, pause=200)
        six = self.download("six", harness.WEB6, count, pause=200)
        harness.wait_for(lambda: four.begun() and six.begun(), "both downloads have begun")
        self.gateway.module.control(do="ap-change", ssid="Workshop", ipv6={"prefix": OTHER_PREFIX})
        self.wait_for_addresses(f"{LINK_LOCAL}/64", f"{harness.ipv6_address(OTHER_PREFIX)}/64")
        self.assertEqual(six()[0], 56, "connection reset")
        self.assertEqual(four(), (0, digest(count)))

    def test_wifi_loss_takes_the_addresses_and_its_return_brings_them_back(self):
        self.far_has(PREFIX)
        self.gateway.module.control(do="ap-change", ssid="Workshop", ipv6={"prefix": PREFIX})
        self.wait_for_addresses(f"{LINK_LOCAL}/64", f"{GLOBAL}/64")
        self.gateway.module.control(do="ap-down", ssid="Workshop")
        self.wait_for_addresses()
        self.assertEqual(self.gateway.run("ip", "-6", "route", "show", "dev", "esp0", check=False).stdout.strip(), "")
        self.assertNotIn("2001:db8:77", self.gateway.run("ip", "-6", "rule").stdout)
        self.gateway.module.control(do="ap-change", ssid="Workshop")
        self.wait_for_addresses(f"{LINK_LOCAL}/64", f"{GLOBAL}/64")
        result = self.gateway.run("curl", "-sS", "--fail", f"http://[{harness.WEB6}]/", text=False)
        self.assertEqual(result.stdout, far_world.PAGE)


if __name__ == "__main__":
    harness.main()
