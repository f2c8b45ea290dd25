#!/usr/bin/python3
"""Two modules in one daemon: each has its own interface, and in a group the kernel spreads flows over both."""

import concurrent.futures
import json

import harness

PORT = 8080
# A connect() chooses its way before it has a port of its own, so many hosts are needed to see flows spread.
HOSTS = [f"198.51.100.{last}" for last in range(101, 141)]
HOSTS6 = [f"2001:db8:100::{last}" for last in range(101, 141)]
PREFIXES = {"esp0": "2001:db8:77::/64", "esp1": "2001:db8:78::/64"}


class TwoModules(harness.Gateway):
    """A second module on another network beside the first."""

    def _start_world(self):
        self._world = harness.default_world()
        self._world["access-points"][0]["ipv6"] = {"prefix": PREFIXES["esp0"]}
        super()._start_world()
        world = harness.default_world()
        point = world["access-points"][0]
        point["bssid"] = "24:6f:28:aa:00:02"
        point["dhcp"].update(address="192.168.78.20", gateway="192.168.78.1", dns=["192.168.78.1"])
        point["ipv6"] = {"prefix": PREFIXES["esp1"]}
        self.second = harness.Module("esp1", self.directory, self.far, world, self._dialect, self._simulator_options)
        self.far.add_addresses(["192.168.78.20", "192.168.78.1", harness.ipv6_address(PREFIXES["esp1"]), *HOSTS, *HOSTS6])
        self.second.start()
        self._cleanup.callback(lambda: self.second.process.stop())

    def start(self, daemon=True):
        super().start(daemon)
        pages = self.directory / "pages"
        pages.mkdir()
        (pages / "index.html").write_text("page")
        self.spawn_far("pages", "python3", "-m", "http.server", PORT, "--bind", "::", "--directory", pages)

    def configuration(self):
        configuration = super().configuration()
        configuration["modules"]["esp1"] = {**configuration["modules"]["esp0"], "port": str(self.second.port)}
        return configuration

    def join(self, *arguments, **options):
        super().join(*arguments, **options)
        point = self.second.access_point

        def has_joined():
            return self.espatctl("-m", "esp1", "connect", point["ssid"], check=False).returncode == 0

        harness.wait_for(has_joined, "esp1 has joined the network that is known from esp0", 40)

    def default_routes(self, family="-4"):
        return json.loads(self.run("ip", family, "-json", "route", "show", "default").stdout)

    def members(self, family):
        """The interfaces of the default route, if there is one alone."""
        routes = self.default_routes(family)
        if len(routes) != 1:
            return None
        return sorted(hop["dev"] for hop in routes[0].get("nexthops", routes))

    def connects(self, module):
        counters = self.run("busctl", "--system", "--json=short", "call", "org.espat1", f"/org/espat1/module/{module}",
                            "org.espat1.Network", "GetCounters").stdout  # fmt: skip
        return json.loads(counters)["data"][0]["connects"]

    def fetch_from_all(self, hosts):
        """One page from each host, eight at a time."""

        def fetch(host):
            url = f"http://[{host}]:{PORT}/" if ":" in host else f"http://{host}:{PORT}/"
            return self.run("curl", "-g", "-sS", "--fail", "--max-time", "60", url, timeout=90).stdout

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(fetch, hosts))


class Group(harness.GatewayTest):
    gateway_class = TwoModules
    options = {"baud-rate": 921600, "flow-control": "rts-cts", "group": "gateways"}

    def wait_for_members(self, *members):
        for family in ("-4", "-6"):
            harness.wait_for(lambda: self.gateway.members(family) == list(members), f"the default route leads through {members}", 60)

    def test_flows_are_spread_over_both(self):
        self.wait_for_members("esp0", "esp1")
        for hosts in (HOSTS, HOSTS6):
            with self.subTest(hosts=hosts[0]):
                before = [self.gateway.connects(module) for module in ("esp0", "esp1")]
                self.assertEqual(self.gateway.fetch_from_all(hosts), ["page"] * len(hosts))
                carried = [self.gateway.connects(module) - known for module, known in zip(("esp0", "esp1"), before)]
                self.assertEqual(sum(carried), len(hosts))
                self.assertGreater(min(carried), 0, "one module carried everything")

    def test_answers_leave_where_requests_came_in(self):
        self.wait_for_members("esp0", "esp1")
        for module, address in (("esp0", "192.168.77.20"), ("esp1", "192.168.78.20")):
            for host, source in ((HOSTS[0], address), (HOSTS6[0], harness.ipv6_address(PREFIXES[module]))):
                way = self.gateway.run("ip", "route", "get", host, "from", source).stdout
                self.assertIn(f"dev {module}", way)

    def test_the_other_carries_everything_when_one_drops(self):
        self.wait_for_members("esp0", "esp1")
        self.gateway.second.control(do="ap-down", ssid="Workshop")
        self.wait_for_members("esp0")
        before = self.gateway.connects("esp1")
        for hosts in (HOSTS, HOSTS6):
            self.assertEqual(self.gateway.fetch_from_all(hosts), ["page"] * len(hosts))
        self.assertEqual(self.gateway.connects("esp1"), before)
        self.gateway.second.control(do="ap-change", ssid="Workshop")  # it is there again, with nothing changed
        self.wait_for_members("esp0", "esp1")


class Alone(harness.GatewayTest):
    """Without a group each module has a default route of its own."""

    gateway_class = TwoModules

    def test_each_has_its_own_default_route_and_takes_only_that_back(self):
        def ways():
            return sorted(route["dev"] for route in self.gateway.default_routes())

        harness.wait_for(lambda: ways() == ["esp0", "esp1"], "both have a default route", 40)
        self.gateway.second.control(do="ap-down", ssid="Workshop")
        harness.wait_for(lambda: ways() == ["esp0"], "the route through esp1 is gone", 40)
        self.assertIn(b"espat", self.gateway.fetch("/"))

    def test_both_are_shown(self):
        modules = {module["name"]: module for module in self.gateway.espatctl_json("list")}
        self.assertEqual(sorted(modules), ["esp0", "esp1"])


if __name__ == "__main__":
    harness.main()
