#!/usr/bin/python3
"""The package on a Debian that was booted for it: installed, configured, used, stopped, installed over, purged.

Usage: service_test.py DIRECTORY-WITH-PACKAGES ESPAT-SIM. Needs root; exits with 77 (skipped) without.
The module is espat-sim on the host: its pty is bound into the container as /dev/ttyESP0.
"""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import container
import far_world
import harness
import namespaces

SKIPPED = 77
DIALOUT = 20
PUMP = {"address": "24:0a:c4:d6:e4:46", "advertisement": "020106", "interval-ms": 20}  # a Bluetooth device
BASE = "systemd systemd-sysv systemd-resolved network-manager polkitd libpam-systemd dbus udev iproute2 curl".split()


def needed_packages(debs):
    """The libraries that the packages depend on; the rest is in BASE or is a choice among several. They are installed here, as the
    packages were built here, and that tells which package stands behind a virtual name."""
    provider = {}
    for line in container.output("dpkg-query", "--show", "--showformat", "${Package}\\t${Provides}\\n").splitlines():
        package, _, provides = line.partition("\t")
        for name in provides.split(","):
            provider.setdefault(name.split("(")[0].strip(), package)
        provider[package] = package
    names = set()
    for deb in debs:
        for clause in container.output("dpkg-deb", "--field", deb, "Depends").split(","):
            name = clause.split("|")[0].split("(")[0].strip()
            if name.startswith("lib"):
                names.add(provider[name])
    return names


class Service(unittest.TestCase):
    """One life of the package: the tests are run in the order of their names and build on one another."""

    packages, simulator = None, None

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="espat-system-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.debs = {path.name.split("_")[0]: path for path in pathlib.Path(cls.packages).glob("*.deb")}
        root = container.tree({*BASE, *needed_packages(cls.debs.values())})
        cls.far = namespaces.NetworkNamespace()
        cls.addClassCleanup(cls.far.close)
        os.environ["ESPAT_SIM"] = cls.simulator
        world = {**harness.default_world(), "bluetooth": {"peers": [PUMP]}}
        cls.module = harness.Module("esp0", cls.directory, cls.far, world)
        dhcp = cls.module.access_point["dhcp"]
        cls.far.add_addresses([harness.WEB, dhcp["address"], dhcp["gateway"]])
        cls.far.add_void()
        command = [sys.executable, pathlib.Path(far_world.__file__), harness.WEB, dhcp["gateway"], f"www.espat.example={harness.WEB}"]
        servers = harness.Process("far-world", cls.far.inside(*command), cls.directory, stdout=subprocess.PIPE)
        cls.addClassCleanup(servers.stop)
        servers.wait_for_line()
        cls.module.start()
        cls.addClassCleanup(lambda: cls.module.process.stop())
        # Serial ports belong to dialout.
        pty = os.path.realpath(cls.module.port)
        os.chown(pty, 0, DIALOUT)
        os.chmod(pty, 0o660)
        cls.box = container.Container(root, cls.directory / "boot.log", f"{pty}:/dev/ttyESP0")
        cls.addClassCleanup(cls.box.power_off)
        cls.box.boot()
        cls.box.run("systemctl", "disable", "--now", "NetworkManager.service")

    def run(self, result=None):
        before = harness.problems(result)
        super().run(result)
        if harness.problems(result) > before:
            journal = self.box.run("journalctl", "--no-pager", "-n", "60", "-u", "espatd.service", check=False)
            print(journal.stdout, journal.stderr, self.module.process.text(), file=sys.stderr)

    def property(self, name):
        return self.box.run("systemctl", "show", "-P", name, "espatd.service").stdout.strip()

    def espatctl(self, *arguments, user="bob", **options):
        return self.box.run("espatctl", *arguments, user=user, **options)

    def modes(self, *paths):
        return self.box.run("stat", "-c", "%a %U:%G", *paths).stdout.split("\n")[:-1]

    def test_01_installing_starts_the_service(self):
        self.box.run("dpkg", "-i", self.box.copy_in(self.debs["espatd"]), timeout=300)
        harness.wait_for(lambda: self.property("ActiveState") == "active", "the service is active", 20)
        self.assertEqual(self.property("NRestarts"), "0", "it must start at the first attempt")
        self.assertEqual(
            self.modes("/etc/espatd", "/etc/espatd/conf.d", "/etc/espatd/espatd.json"),
            ["750 root:espatd", "750 root:espatd", "640 root:espatd"],
        )
        status = self.box.run("systemctl", "status", "--no-pager", "espatd.service").stdout
        self.assertIn("active (running)", status)
        self.assertEqual(self.modes("/var/lib/espatd"), ["700 espatd:espatd"])

    def test_02_a_configured_module_is_found(self):
        for user, groups in (("bob", ["-G", "netdev"]), ("alice", [])):
            self.box.run("useradd", "-m", *groups, user)
        entry = {"port": "/dev/ttyESP0", "baud-rate": 115200}
        self.box.write("/etc/espatd/conf.d/10-esp0.json", json.dumps({"modules": {"esp0": entry}}))
        self.box.run("chgrp", "espatd", "/etc/espatd/conf.d/10-esp0.json")
        self.box.run("espatd", "--check-config")
        self.box.run("systemctl", "restart", "espatd.service")
        harness.wait_for(lambda: '"ready"' in self.state(), "the module is ready", 40)

    def state(self):
        path = "/org/espat1/module/esp0"
        command = ["busctl", "get-property", "org.espat1", path, "org.espat1.Module", "State"]
        return self.box.run(*command, check=False).stdout

    def test_03_a_member_of_netdev_may_use_it_and_others_may_look(self):
        point = self.module.access_point
        self.assertIn("esp0", self.espatctl("status", user="alice").stdout)
        refused = self.espatctl("connect", point["ssid"], user="alice", input=point["psk"] + "\n", check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertRegex(refused.stderr, "(?i)netdev|authori")
        self.espatctl("connect", point["ssid"], user="bob", input=point["psk"] + "\n")
        status = self.espatctl("status", user="bob").stdout
        self.assertIn(point["ssid"], status)
        raw = self.espatctl("at", "AT+GMR", user="bob", check=False)
        self.assertEqual(raw.returncode, 1, "raw commands are for root")

    def test_04_programs_use_the_interface(self):
        address = self.module.access_point["dhcp"]["address"]
        harness.wait_for(lambda: address in self.box.run("ip", "address", "show", "dev", "esp0").stdout, "esp0 has its address")
        page = self.box.run("curl", "-sS", "--max-time", "30", f"http://{harness.WEB}/", user="alice")
        self.assertEqual(page.stdout.encode(), far_world.PAGE)

    def name_servers(self):
        return self.box.run("resolvectl", "dns", "esp0", check=False).stdout

    def test_04_resolved_is_told_of_the_name_servers(self):
        server = self.module.access_point["dhcp"]["gateway"]
        harness.wait_for(lambda: server in self.name_servers(), "systemd-resolved knows the name server")
        self.assertIn(harness.WEB, self.box.run("resolvectl", "query", "www.espat.example").stdout)
        self.assertIn(f"{server} (systemd-resolved)", self.espatctl("status").stdout)
        self.box.run("systemctl", "restart", "systemd-resolved.service")
        harness.wait_for(lambda: server in self.name_servers(), "a new systemd-resolved is told again")
        self.espatctl("disconnect")
        harness.wait_for(lambda: server not in self.name_servers(), "the name server is withdrawn with the network")
        self.espatctl("connect", self.module.access_point["ssid"])

    def test_04_resolvconf_is_told_by_the_helper_and_after_a_crash(self):
        server = self.module.access_point["dhcp"]["gateway"]
        # In place of the one that belongs to systemd-resolved.
        self.box.run("rm", "-f", "/usr/sbin/resolvconf")
        self.box.write("/usr/sbin/resolvconf", '#!/bin/sh\n{ echo "$@"; [ "$1" = -d ] || cat; } >>/run/told\n')
        self.box.run("chmod", "755", "/usr/sbin/resolvconf")

        def told():
            return self.box.run("cat", "/run/told", check=False).stdout

        self.box.run("systemctl", "stop", "systemd-resolved.service")
        harness.wait_for(lambda: told() == f"-a esp0.espatd\nnameserver {server}\n", "resolvconf is told")
        self.assertIn(f"{server} (resolvconf)", self.espatctl("status").stdout)
        self.box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "espatd.service")
        harness.wait_for(lambda: "-d esp0.espatd\n" in told(), "what a killed daemon had told is withdrawn")
        harness.wait_for(
            lambda: self.box.run("test", "-e", "/run/espatd-name-servers", check=False).returncode, "the helper leaves nothing behind"
        )
        self.box.run("rm", "/usr/sbin/resolvconf")
        self.box.run("systemctl", "start", "systemd-resolved.service")
        self.wait_for_the_restarted()

    def wait_for_the_restarted(self):
        # The pty keeps TIOCEXCL of the killed process, unlike a serial port; root may clear it.
        port = os.open(self.module.port, os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(port, termios.TIOCNXCL)
        os.close(port)
        harness.wait_for(lambda: '"ready"' in self.state(), "the module is ready", 60)

    def test_05_bluetooth_and_mqtt_are_for_the_same_people(self):
        for verb in (("ble", "devices"), ("mqtt", "status")):
            self.espatctl(*verb, user="alice")
        for verb in (("ble", "scan", "--for", "1"), ("mqtt", "connect", harness.WEB)):
            refused = self.espatctl(*verb, user="alice", check=False)
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertRegex(refused.stderr, "(?i)netdev|authori")
        harness.wait_for(lambda: PUMP["address"] in self.espatctl("ble", "scan", "--for", "1").stdout, "the device is heard")
        refused = self.espatctl("mqtt", "connect", harness.WEB, "--port", "9", check=False)
        self.assertIn("refused", refused.stderr, "nobody listens there")

    def resolv_conf(self):
        text = self.box.run("cat", "/etc/resolv.conf", check=False).stdout
        return [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]

    def wait_for_resolv_conf(self, *servers):
        harness.wait_for(lambda: self.resolv_conf() == list(servers), f"/etc/resolv.conf has {servers}, not {self.resolv_conf()}", 40)

    def test_04_the_network_manager_is_told_by_the_helper_and_after_a_crash(self):
        server, cable = self.module.access_point["dhcp"]["gateway"], "192.0.2.53"
        # Where it is installed, NetworkManager starts it with a call.
        self.box.run("systemctl", "mask", "--runtime", "--now", "systemd-resolved.service")
        # It leads to systemd-resolved; as a file it is NetworkManager's.
        self.box.run("rm", "/etc/resolv.conf")
        self.box.run("systemctl", "start", "NetworkManager.service")
        self.wait_for_resolv_conf(server)
        self.assertIn(f"{server} (NetworkManager)", self.espatctl("status").stdout)
        self.assertIn(far_world.PAGE, self.box.run("curl", "-sS", "http://www.espat.example/").stdout.encode())
        self.a_cable_comes(cable)
        self.wait_for_resolv_conf(cable, server)
        self.box.run("systemctl", "restart", "NetworkManager.service")
        self.wait_for_resolv_conf(cable, server)
        self.espatctl("disconnect")
        self.wait_for_resolv_conf(cable)
        self.espatctl("connect", self.module.access_point["ssid"])
        self.wait_for_resolv_conf(cable, server)
        self.box.run("nmcli", "connection", "delete", "cable")
        self.wait_for_resolv_conf(server)
        self.box.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "espatd.service")
        self.wait_for_resolv_conf()
        harness.wait_for(
            lambda: self.box.run("ip", "link", "show", "espat-dns", check=False).returncode, "the helper leaves nothing behind"
        )
        self.box.run("systemctl", "stop", "NetworkManager.service")
        self.box.run("systemctl", "unmask", "--runtime", "systemd-resolved.service")
        self.box.run("systemctl", "start", "systemd-resolved.service")
        self.wait_for_the_restarted()

    def a_cable_comes(self, server):
        self.box.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "switch")
        self.box.run("ip", "link", "set", "switch", "up")
        self.box.run("nmcli", "device", "set", "cable", "managed", "yes")
        settings = f"ipv4.method manual ipv4.addresses 192.0.2.2/24 ipv4.gateway 192.0.2.1 ipv4.dns {server} ipv6.method disabled"
        self.box.run("nmcli", "connection", "add", "type", "ethernet", "ifname", "cable", "con-name", "cable", *settings.split())
        self.box.run("nmcli", "connection", "up", "cable")

    def test_05_the_sandbox_is_closed(self):
        security = self.box.run("systemd-analyze", "security", "--no-pager", "--threshold=15", "espatd.service").stdout
        print(security.strip().splitlines()[-1])
        process = self.property("MainPID")
        status = self.box.run("cat", f"/proc/{process}/status").stdout
        self.assertIn("CapEff:\t0000000000001000", status, "CAP_NET_ADMIN and nothing else")
        sockets = self.box.run("ss", "-Htuanp").stdout
        self.assertNotIn("espatd", sockets, "the daemon has no IP socket")

    def test_06_udev_would_know_the_port(self):
        helper = "/usr/libexec/espatd/port-is-configured"
        self.assertEqual(self.box.run(helper, "/dev/ttyESP0", check=False).returncode, 0)
        self.assertEqual(self.box.run(helper, "/dev/ttyX", "ttyESP0", check=False).returncode, 0)
        self.assertEqual(self.box.run(helper, "/dev/ttyUSB7", "serial/by-id/x", check=False).returncode, 1)

    def test_07_a_call_starts_the_service_and_a_stop_is_clean(self):
        begin = time.monotonic()
        self.box.run("systemctl", "stop", "espatd.service")
        self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual(self.property("Result"), "success")
        self.assertNotEqual(self.box.run("ip", "link", "show", "esp0", check=False).returncode, 0)
        self.assertIn("esp0", self.espatctl("list", user="alice").stdout)
        self.assertEqual(self.property("ActiveState"), "active")

    def test_08_killed_it_comes_back(self):
        # The pty keeps TIOCEXCL of the killed process, unlike a serial port; root may clear it.
        before = self.property("MainPID")
        self.box.run("systemctl", "kill", "--signal=ABRT", "--kill-whom=main", "espatd.service")
        harness.wait_for(lambda: self.property("MainPID") not in ("0", before) and self.property("ActiveState") == "active", "a restart")

    def test_09_a_wrong_configuration_is_refused_and_not_tried_again(self):
        self.box.write("/etc/espatd/conf.d/20-wrong.json", '{"modules": {"esp0": {"baudrate": 1}}}')
        self.box.run("chgrp", "espatd", "/etc/espatd/conf.d/20-wrong.json")
        checked = self.box.run("espatd", "--check-config", check=False)
        self.assertEqual(checked.returncode, 78)
        self.assertIn("20-wrong.json:1: /modules/esp0/baudrate: unknown key", checked.stderr)
        self.box.run("systemctl", "restart", "espatd.service", check=False)
        harness.wait_for(lambda: self.property("ActiveState") == "failed", "the service has failed", 10)
        self.assertEqual(self.property("ExecMainStatus"), "78")
        self.box.run("rm", "/etc/espatd/conf.d/20-wrong.json")
        self.box.run("systemctl", "restart", "espatd.service")

    def test_10_the_simulator_package_brings_a_module_of_its_own(self):
        self.box.run("dpkg", "-i", self.box.copy_in(self.debs["espat-simulator"]), timeout=300)
        self.assertEqual(self.box.run("systemctl", "is-enabled", "espat-sim.service", check=False).stdout.strip(), "disabled")
        self.box.run("systemctl", "start", "espat-sim.service")
        self.box.write("/etc/espatd/conf.d/30-sim.json", '{"modules": {"sim0": {"port": "/run/espat-sim/esp0"}}}')
        self.box.run("chgrp", "espatd", "/etc/espatd/conf.d/30-sim.json")
        self.box.run("systemctl", "restart", "espatd.service")
        harness.wait_for(
            lambda: '"ready"'
            in self.box.run("busctl", "get-property", "org.espat1", "/org/espat1/module/sim0", "org.espat1.Module", "State", check=False).stdout,
            "the simulated module is ready",
            40,
        )
        self.box.run("dpkg", "--purge", "espat-simulator")
        self.box.run("rm", "/etc/espatd/conf.d/30-sim.json")

    def test_11_installing_over_it_keeps_the_configuration(self):
        self.box.run("dpkg", "-i", f"/root/{self.debs['espatd'].name}", timeout=300)
        self.assertEqual(self.modes("/etc/espatd", "/etc/espatd/espatd.json"), ["750 root:espatd", "640 root:espatd"])
        self.box.run("test", "-s", "/etc/espatd/conf.d/10-esp0.json")
        harness.wait_for(lambda: self.property("ActiveState") == "active", "the service is active", 20)

    def test_12_purge_leaves_nothing_but_the_user(self):
        self.box.run("rm", "/etc/espatd/conf.d/10-esp0.json")
        self.box.run("dpkg", "--purge", "espatd", timeout=300)
        left = self.box.run(
            "find", "/etc", "/usr", "/var/lib", "/run", "-xdev", "-iname", "*espat*", "-not", "-path", "/var/lib/dpkg/*", check=False
        ).stdout.split()
        self.assertEqual(left, [])
        self.assertNotEqual(self.box.run("ip", "link", "show", "esp0", check=False).returncode, 0)
        self.box.run("getent", "passwd", "espatd")


if __name__ == "__main__":
    if os.getuid() != 0:
        print("skipped: booting a container needs root; run sudo tests/run")
        sys.exit(SKIPPED)
    Service.packages, Service.simulator = sys.argv[1:]
    unittest.main(argv=sys.argv[:1], verbosity=2, failfast=True)
