#!/usr/bin/python3
"""Bluetooth LE from a program's point of view: over D-Bus as a BlueZ tutorial does it, and with espatctl."""

import json
import select
import subprocess

import harness
from bluetooth_gateway import PUMP, Bus, device, world

PROGRAMS = harness.SOURCE / "tests/integration"
COUNTS = [number.to_bytes(2, "little") for number in range(250)]


class BluetoothGateway(harness.Gateway):
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
    options = {**harness.GatewayTest.options, "world": world(device("Pump", PUMP, COUNTS, 40))}
    joined = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway.wait_until_ready()

    def order(self, what, **more):
        return self.gateway.module.control(do=f"ble-{what}", address=PUMP, **more)

    def test_a_script_made_for_bluez_works_with_other_names(self):
        script = [PROGRAMS / "bluez_tutorial.py", "Pump", "00002a19-0000-1000-8000-00805f9b34fb"]
        done = self.gateway.run("/usr/bin/python3", *script, "0000c305-0000-1000-8000-00805f9b34fb", timeout=60)
        self.assertRegex(done.stdout, r"^read [0-9a-f]+\nread 000aff\nnotified [0-9a-f]{2}00\n$")
        self.assertEqual(self.order("heard")["heard"][-1], {"written": "2A19", "value": "000aff"})

    def test_espatctl_finds_connects_reads_writes_and_is_notified(self):
        gateway = self.gateway
        found = json.loads(gateway.ble("scan", "--for", "2", "--json=short"))
        self.assertEqual([(one["address"], one["name"]) for one in found], [(PUMP, "Pump")])
        gateway.ble("connect", "Pump")
        table = json.loads(gateway.ble("services", PUMP, "--json=short"))
        self.assertEqual([entry["name"] for entry in table], ["Generic Access", "Device Name", "Battery", "Battery Level", None,
                                                              "Client Characteristic Configuration"])  # fmt: skip
        gateway.ble("write", "Pump", "Battery Level", "77")
        self.assertEqual(gateway.ble("read", "Pump", "Battery Level"), "77")
        gateway.ble("write", PUMP, "Battery Level", "-2", "--as", "int16")
        self.assertEqual(gateway.ble("read", PUMP, "2.1", "--as", "int16"), "-2")
        self.assertEqual(gateway.ble("read", PUMP, "2a19"), "0xfeff")
        refused = gateway.espatctl("ble", "write", PUMP, "2a19", "0x" + "00" * 201, check=False)
        self.assertEqual((refused.returncode, "at most 200 bytes" in refused.stderr), (1, True), refused.stderr)
        values = [int(value) for value in gateway.ble("notify", PUMP, "c305", "--count", "5", "--as", "uint16").split()]
        self.assertEqual(values, list(range(5)))
        gateway.ble("disconnect", PUMP)
        self.assertEqual(gateway.espatctl("ble", "read", PUMP, "2a19", check=False).returncode, 1)

    def test_a_device_that_leaves_ends_what_was_under_way(self):
        gateway = self.gateway
        gateway.ble("connect", PUMP, "--random")
        watching = gateway.begin("notify", PUMP, "2.2", "--as", "uint16")
        self.assertTrue(line_of(watching))
        self.order("disconnect")
        _, errors = watching.communicate(timeout=20)
        self.assertEqual(watching.returncode, 1)
        self.assertIn("has disconnected", errors.decode())
        gateway.ble("connect", PUMP)
        self.assertEqual(gateway.ble("notify", PUMP, "2.2", "--count", "1", "--as", "uint16"), "0")
        gateway.ble("disconnect", PUMP)

    def test_what_a_client_writes_comes_to_those_who_watch(self):
        gateway = self.gateway
        gateway.ble("advertise", "--name", "Gateway", "--uuid", "a002")
        served = {entry["place"]: entry for entry in json.loads(gateway.ble("serve", "--json=short"))}
        self.assertEqual(served["1.6"]["flags"], ["notify"])
        refused = gateway.espatctl("ble", "serve", "notify", "1.6", "x", check=False)
        self.assertEqual((refused.returncode, "has asked for notifications" in refused.stderr), (1, True), refused.stderr)
        watching = gateway.begin("serve", "watch", "--json=short")
        self.order("connect")
        harness.wait_for(lambda: self.write_until_seen(watching), "a write is seen")
        self.order("write", service=3, characteristic=6, descriptor=1, value="0100")
        harness.wait_for(lambda: '"notify":true' in line_of(watching, 1), "a subscription is seen")
        watching.terminate()
        watching.communicate(timeout=20)
        gateway.ble("serve", "set", "1.1", "0x07")
        self.assertEqual(self.order("read", service=3, characteristic=1)["value"], "07")
        gateway.ble("serve", "notify", "1.6", "hello")
        self.assertEqual(self.order("heard")["heard"][-1], {"notified": [3, 6], "value": b"hello".hex()})
        gateway.ble("advertise", "--stop")
        self.order("disconnect")
        harness.wait_for(lambda: "true" not in gateway.ble("devices", "--json=short"), "the device has left")

    def write_until_seen(self, watching):
        """The watcher has subscribed at some time after its start: a client writes until then."""
        self.order("write", service=3, characteristic=3, value="610a00ff")
        return '"hex":"610a00ff"' in line_of(watching, 0.2)

    def test_a_search_ends_with_its_module(self):
        gateway = self.gateway
        module = harness.Module("esp7", gateway.directory, gateway.far, world(device("Lamp", "c0:de:00:00:00:07", COUNTS, 40)))
        module.start()
        self.addCleanup(module.process.stop)
        gateway.espatctl("modules", "add", "esp7", str(module.port))
        harness.wait_for(lambda: gateway.espatctl_json("-m", "esp7", "status")["state"] == "ready", "the second module is ready", 60)
        looking = gateway.begin("-m", "esp7", "scan", "--watch", "--json=short")
        self.assertEqual(json.loads(line_of(looking))["name"], "Lamp")
        gateway.espatctl("modules", "remove", "esp7")
        output, errors = looking.communicate(timeout=60)
        self.assertEqual((looking.returncode, b"The module has been removed" in errors), (3, True), errors)
        self.assertEqual(json.loads(output.splitlines()[-1])["event"], "gone")

    def test_z_the_daemon_stops_cleanly_while_values_come_and_devices_are_looked_for(self):
        self.gateway.ble("connect", PUMP, "--random")
        watching = self.gateway.begin("notify", PUMP, "2.2", "--as", "uint16")
        looking = self.gateway.begin("scan", "--watch", "--json=short")
        self.assertTrue(line_of(watching))
        told = json.loads(line_of(looking))
        self.assertEqual((told["event"], told["address"], told["connected"]), ("new", PUMP, True))
        self.assert_stops_cleanly()
        _, errors = looking.communicate(timeout=60)
        self.assertEqual((looking.returncode, b"espatd has stopped" in errors), (4, True), errors)
        watching.terminate()
        watching.communicate(timeout=20)


def numbered(mark):
    """Values of all lengths that one connection carries, told apart by their first bytes, with what looks like messages in them."""
    return [bytes([mark, number]) + (b'\r\nOK\r\n+NOTIFY:0,3,6,5,\0' * 10)[: number * 37 % 199] for number in range(200)]


class ThreeConnections(harness.GatewayTest):
    devices = {f"c0:de:00:00:00:0{number}": numbered(number) for number in (1, 2, 3)}
    peers = [device(f"Sensor {address[-1]}", address, values, 10 + index) for index, (address, values) in enumerate(devices.items())]
    options = {**harness.GatewayTest.options, "world": world(*peers)}
    joined = False

    def test_all_notify_at_once_and_every_value_is_whole_in_order_and_of_its_device(self):
        self.gateway.wait_until_ready()
        for address in self.devices:
            self.gateway.espatctl("ble", "connect", address, "--random")
        refused = self.gateway.espatctl("ble", "connect", PUMP, check=False)
        self.assertEqual((refused.returncode, "All three connections" in refused.stderr), (1, True), refused.stderr)
        bus = Bus(self.gateway)
        self.addCleanup(bus.close)
        values = {}
        for address in self.devices:
            path = "/org/espat1/module/esp0/dev_" + address.upper().replace(":", "_") + "/service0002/char0002"
            reader, mtu = bus.acquire(path, "AcquireNotify")
            self.addCleanup(reader.close)
            self.assertEqual(mtu, 203)
            values[reader] = address, []
        unfinished = list(values)
        while unfinished:
            ready, _, _ = select.select(unfinished, [], [], 20)
            self.assertTrue(ready, f"nothing more came: {[len(got) for _, got in values.values()]}")
            for reader in ready:
                _, got = values[reader]
                got.append(reader.recv(1024))
                if len(got) == 200:
                    unfinished.remove(reader)
        for address, got in values.values():
            self.assertEqual(got, self.devices[address])


if __name__ == "__main__":
    harness.main()
