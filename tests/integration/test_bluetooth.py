#!/usr/bin/python3
"""Bluetooth LE from a program's point of view: over D-Bus as a BlueZ tutorial does it, and with espatctl."""

import concurrent.futures
import json
import os
import select
import signal
import subprocess

import harness

PUMP = "24:0a:c4:d6:e4:46"
PROGRAMS = harness.SOURCE / "tests/integration"


class BluetoothGateway(harness.Gateway):
    """A module with a device near it (bluetooth_module.py)."""

    def _start_world(self):
        super()._start_world()
        command = [PROGRAMS / "bluetooth_module.py", self.module.port, self.directory / "bluetooth.tty"]
        self.radio = harness.Process("bluetooth", ["/usr/bin/python3", *command], self.directory, stdout=subprocess.PIPE)
        self.radio.wait_for_line()
        self._cleanup.callback(self.radio.popen.stdout.close)
        self._cleanup.callback(self.radio.popen.wait)
        self._cleanup.callback(self.radio.popen.kill)

    def configuration(self):
        configuration = super().configuration()
        configuration["modules"]["esp0"]["port"] = str(self.directory / "bluetooth.tty")
        return configuration

    def ble(self, *arguments, **options):
        return self.espatctl("ble", *arguments, **options).stdout.strip()

    def begin(self, *arguments):
        return subprocess.Popen(
            [harness.program("ESPATCTL"), "ble", *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


def line_of(process, timeout=20):
    ready, _, _ = select.select([process.stdout], [], [], timeout)
    return process.stdout.readline().decode().strip() if ready else ""


class Bluetooth(harness.GatewayTest):
    gateway_class = BluetoothGateway
    options = {}  # the line of the stand-in has no rate of its own
    joined = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway.wait_until_ready()

    def test_a_script_made_for_bluez_works_with_other_names(self):
        script = [PROGRAMS / "bluez_tutorial.py", "Pump", "00002a19-0000-1000-8000-00805f9b34fb"]
        done = self.gateway.run("/usr/bin/python3", *script, "0000c305-0000-1000-8000-00805f9b34fb", timeout=60)
        self.assertRegex(done.stdout, r"^read [0-9a-f]+\nread 000aff\nnotified [0-9a-f]{2}00\n$")

    def test_espatctl_finds_connects_reads_writes_and_is_notified(self):
        gateway = self.gateway
        found = json.loads(gateway.ble("scan", "--for", "1", "--json=short"))
        self.assertEqual([(device["address"], device["name"]) for device in found], [(PUMP, "Pump")])
        gateway.ble("connect", PUMP)
        table = json.loads(gateway.ble("services", PUMP, "--json=short"))
        self.assertEqual([entry["name"] for entry in table][:2], ["Battery", "Battery Level"])
        gateway.ble("write", PUMP, "Battery Level", "-2", "--as", "int16")
        self.assertEqual(gateway.ble("read", PUMP, "3.1", "--as", "int16"), "-2")
        self.assertEqual(gateway.ble("read", PUMP, "2a19"), "0xfeff")
        values = [int(value) for value in gateway.ble("notify", PUMP, "c305", "--count", "3", "--as", "uint16").split()]
        self.assertEqual(values, list(range(values[0], values[0] + 3)))
        gateway.ble("disconnect", PUMP)
        self.assertEqual(gateway.espatctl("ble", "read", PUMP, "2a19", check=False).returncode, 1)

    def test_a_device_that_leaves_ends_what_was_under_way(self):
        gateway = self.gateway
        gateway.ble("connect", PUMP)
        watching = gateway.begin("notify", PUMP, "3.6", "--as", "uint16")
        self.assertTrue(line_of(watching))
        os.kill(gateway.radio.pid, signal.SIGUSR1)
        _, errors = watching.communicate(timeout=20)
        self.assertEqual(watching.returncode, 1)
        self.assertIn("has disconnected", errors.decode())
        gateway.ble("connect", PUMP)
        self.assertTrue(gateway.ble("notify", PUMP, "3.6", "--count", "1", "--as", "uint16"))

    def test_what_a_client_writes_comes_to_those_who_watch(self):
        gateway = self.gateway
        gateway.ble("advertise", "--name", "Gateway", "--uuid", "a002")
        self.assertEqual(len(json.loads(gateway.ble("serve", "--json=short"))), 3)
        self.assertEqual(gateway.espatctl("ble", "serve", "notify", "1.6", "x", check=False).returncode, 1)
        watching = gateway.begin("serve", "watch", "--json=short")
        harness.wait_for(lambda: self.write_until_seen(watching), "a write was seen")
        watching.terminate()
        watching.communicate(timeout=20)
        gateway.ble("serve", "set", "1.6", "0x0001")
        gateway.ble("serve", "notify", "1.6", "hello")
        gateway.ble("advertise", "--stop")

    def test_values_come_whole_and_in_order_beside_a_download(self):
        gateway = self.gateway
        gateway.join()
        size = 60000
        undisturbed = gateway.fetch(f"/bytes/{size}")
        gateway.ble("connect", PUMP)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            download = pool.submit(gateway.fetch, f"/bytes/{size}")
            values = gateway.ble("notify", PUMP, "3.6", "--count", "30", "--as", "uint16").split()
            for written in range(5):
                gateway.ble("write", PUMP, "2a19", str(written), "--as", "uint8")
                self.assertEqual(gateway.ble("read", PUMP, "2a19", "--as", "uint8"), str(written))
            self.assertEqual(download.result(60), undisturbed)
        first = int(values[0])
        self.assertEqual([int(value) for value in values], list(range(first, first + 30)))
        gateway.ble("disconnect", PUMP)

    def test_z_the_daemon_stops_cleanly_while_values_come_and_devices_are_looked_for(self):
        self.gateway.ble("connect", PUMP)
        watching = self.gateway.begin("notify", PUMP, "3.6", "--as", "uint16")
        looking = self.gateway.begin("scan", "--watch")
        self.assertTrue(line_of(watching))
        self.assertTrue(line_of(looking))
        self.assert_stops_cleanly()
        for process in (watching, looking):
            process.terminate()
            process.communicate(timeout=20)

    def write_until_seen(self, watching):
        """The watcher has subscribed at some time after its start: a client writes until then."""
        os.kill(self.gateway.radio.pid, signal.SIGUSR2)
        line = line_of(watching, 1)
        return "610" in line or '"notify":true' in line


if __name__ == "__main__":
    harness.main()
