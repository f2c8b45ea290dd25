#!/usr/bin/python3
"""What happens to the interface when the module resets, Wi-Fi goes, or the daemon ends."""

import subprocess
import unittest

import far_world
import harness


class ModuleReset(harness.GatewayTest):
    def wait_until_data_flows(self):
        # In the middle of its connect the module would be missed only when that is overdue.
        def has_received():
            return any(link.get("received") for link in self.gateway.espatctl_json("links"))

        harness.wait_for(has_received, "the download receives")

    def can_fetch(self):
        page = self.gateway.run("curl", "-sS", "--fail", f"http://{harness.WEB}/bytes/5000", check=False, text=False)
        return page.returncode == 0 and page.stdout == far_world.pattern(5000)

    def test_after_a_reset_flows_are_reset_and_everything_comes_back(self):
        download = self.gateway.spawn("download", "curl", "-sS", "-o", "/dev/null", f"http://{harness.WEB}/bytes/4000000")
        self.wait_until_data_flows()
        self.gateway.module.control(do="reset")
        # A lost network must not look like a clean end, and must not hang.
        self.assertNotEqual(download.popen.wait(20), 0)
        # The stream is seen to be broken before it is clear that the module has restarted.
        harness.wait_for(self.can_fetch, "a page can be fetched again", 40)


class ResetOnRequest(harness.GatewayTest):
    # Slow, so that the module's OK to AT+RST waits long behind what it still has to deliver.
    options = {"baud-rate": 115200}

    def reset_in_the_middle_of(self, name, command):
        program = self.gateway.spawn(name, "bash", "-c", f"exec 3<>/dev/tcp/{harness.WEB}/{command}")

        def is_under_way():
            return any((link.get("received") or 0) + (link.get("sent") or 0) > 50000 for link in self.gateway.espatctl_json("links"))

        harness.wait_for(is_under_way, f"the {name} is under way", 40)
        self.gateway.espatctl("reset")
        program.popen.wait(20)
        self.gateway.wait_for_address(timeout=40)
        self.assertEqual(self.gateway.fetch("/bytes/5000"), far_world.pattern(5000))

    def test_it_succeeds_in_the_middle_of_an_endless_download(self):
        self.reset_in_the_middle_of("download", "19; cat <&3 >/dev/null")

    def test_it_succeeds_in_the_middle_of_an_endless_upload(self):
        self.reset_in_the_middle_of("upload", "5004; echo upload 0 0 >&3; cat /dev/zero >&3")


class WifiLoss(harness.GatewayTest):
    def test_wifi_may_go_and_come_back_with_another_address(self):
        gateway = self.gateway
        before = gateway.address()
        ssid = gateway.module.access_point["ssid"]
        download = gateway.spawn("download", "curl", "-sS", "-o", "/dev/null", f"http://{harness.WEB}/bytes/4000000")
        harness.wait_for(lambda: gateway.espatctl_json("links"), "the download has a link")
        gateway.module.control(do="ap-down", ssid=ssid)
        self.assertNotEqual(download.popen.wait(40), 0)
        harness.wait_for(lambda: gateway.address() is None, "the address is withdrawn", 40)
        self.assertNotIn("LOWER_UP", gateway.interface()["flags"])
        self.assertEqual(gateway.run("ip", "route", "show", "default", "dev", "esp0").stdout, "")

        after = "192.168.77.99"
        self.assertNotEqual(after, before)
        gateway.far.add_addresses([after])
        gateway.module.control(do="ap-change", ssid=ssid, address=after)
        gateway.wait_for_address(after, 60)
        self.assertEqual(gateway.fetch("/bytes/5000"), far_world.pattern(5000))


class OtherInterface(harness.GatewayTest):
    """eth0 is on the same prefix as the module: the user's ssh comes in there and must go on working."""

    def setUp(self):
        self.lan = harness.namespaces.NetworkNamespace()
        self.addCleanup(self.lan.close)
        run = harness.namespaces.run
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0far")
        self.addCleanup(run, "ip", "link", "delete", "eth0")
        run("ip", "link", "set", "eth0far", "netns", str(self.lan.pid))
        run("ip", "address", "add", "192.168.77.30/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
        self.lan.run("ip", "address", "add", "192.168.77.40/24", "dev", "eth0far")
        self.lan.run("ip", "link", "set", "eth0far", "up")

    def test_a_neighbour_on_eth0_answers_in_the_middle_of_a_download(self):
        download = self.gateway.spawn("download", "curl", "-sS", "-o", "/dev/null", f"http://{harness.WEB}/bytes/600000")
        harness.wait_for(lambda: self.gateway.espatctl_json("links"), "the download has a link")
        self.gateway.run("ping", "-c", "3", "-i", "0.3", "-W", "2", "192.168.77.40")
        # And the other way round: who comes in on eth0 is answered on eth0.
        self.lan.run("ping", "-c", "2", "-i", "0.3", "-W", "2", "192.168.77.30")
        self.assertEqual(download.popen.wait(60), 0, download.text())


class CleanEnd(harness.GatewayTest):
    def test_sigterm_ends_it_within_a_second_with_the_interface_gone(self):
        self.assertIsNotNone(self.gateway.interface())
        self.assert_stops_cleanly(1.0)

    def test_started_again_it_joins_the_known_network_by_itself(self):
        self.gateway.stop_daemon()
        self.gateway.start_daemon()
        self.gateway.wait_for_address(timeout=30)
        self.assertEqual(self.gateway.fetch("/bytes/100"), far_world.pattern(100))


class WithValgrind(harness.Gateway):
    # Possibly lost blocks are what Asio's and glibc's own thread-local memory looks like.
    def daemon_wrapper(self):
        command = "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite"
        return command.split()


class CleanMemory(harness.GatewayTest):
    gateway_class = WithValgrind
    joined = False

    @classmethod
    def setUpClass(cls):
        libraries = subprocess.run(["ldd", harness.program("ESPATD")], capture_output=True, text=True, check=True).stdout
        if "libasan" in libraries:
            raise unittest.SkipTest("valgrind and AddressSanitizer do not go together")
        super().setUpClass()

    def test_valgrind_finds_nothing(self):
        self.gateway.wait_until_ready(60)
        self.gateway.join(timeout=60)
        self.assertEqual(self.gateway.fetch("/bytes/20000"), far_world.pattern(20000))
        self.assertEqual(self.gateway.stop_daemon(30), 0, self.gateway.logs())


if __name__ == "__main__":
    harness.main()
