#!/usr/bin/python3
"""Two daemons whose modules hear each other's Bluetooth: one advertises and serves its table, the other one uses it."""

import tempfile

import harness
from bluetooth_gateway import Bus, world
from gi.repository import GLib

SERVER, CLIENT = "24:0a:c4:00:00:01", "24:0a:c4:00:00:02"
MODULE, FAR_MODULE = "/org/espat1/module/esp0", "/org/espat1/module/esp1"
DEVICE = f"{MODULE}/dev_{SERVER.upper().replace(':', '_')}"  # the server, as the client has it
FAR_DEVICE = f"{FAR_MODULE}/dev_{CLIENT.upper().replace(':', '_')}"
# The firmware's own table: readable, writable, notifying and indicating; on the client's side behind two services of the stack.
READABLE, WRITABLE, NOTIFYING, INDICATING = (f"{DEVICE}/service0003/char000{number}" for number in (2, 5, 6, 7))
ANY_BYTES = bytes(range(200))
PROPERTIES = "org.freedesktop.DBus.Properties"


class ServerGateway(harness.Gateway):
    name = "esp1"


class Pair(harness.GatewayTest):
    joined = False

    @classmethod
    def setUpClass(cls):
        ether = tempfile.TemporaryDirectory(prefix="espat-ether-")
        cls.addClassCleanup(ether.cleanup)
        on_air = {"simulator_options": ("--ether", ether.name)}
        cls.options = {**harness.GatewayTest.options, **on_air, "world": world(address=CLIENT)}
        super().setUpClass()
        cls.far_gateway = ServerGateway(**{**cls.options, "world": world(address=SERVER)})
        cls.far_gateway.start()
        cls.addClassCleanup(cls.far_gateway.stop)
        for gateway in (cls.gateway, cls.far_gateway):
            gateway.wait_until_ready()

    def setUp(self):
        self.bus, self.far_bus = Bus(self.gateway), Bus(self.far_gateway)
        self.addCleanup(self.bus.close)
        self.addCleanup(self.far_bus.close)
        self.far_bus.listen(FAR_MODULE, "org.espat1.Bluetooth", None)
        self.far_bus.call(FAR_MODULE, "Bluetooth.Subscribe", "(a{sv})", {})
        made_by = {0x02E5: GLib.Variant("ay", b"\0\xff")}
        options = {
            "name": GLib.Variant("s", "Server"),
            "uuids": GLib.Variant("as", ["a002"]),
            "manufacturer-data": GLib.Variant("a{qv}", made_by),
        }
        self.far_bus.call(FAR_MODULE, "Bluetooth.StartAdvertising", "(a{sv})", options)
        self.bus.call(MODULE, "Bluetooth.StartDiscovery", "(a{sv})", {})
        self.bus.wait_for(lambda: (self.server() or {}).get("Name") == "Server", "the server is found")
        self.bus.call(MODULE, "Bluetooth.StopDiscovery")
        self.bus.call(DEVICE, "Device.Connect")
        self.addCleanup(self.leave)

    def leave(self):
        if self.server()["Connected"]:
            self.bus.call(DEVICE, "Device.Disconnect")
        self.far_bus.wait_for(lambda: not self.far_bus.objects("Device")[FAR_DEVICE]["Connected"], "the server knows that it is left")

    def run(self, result=None):
        before = harness.problems(result)
        super().run(result)
        if harness.problems(result) > before:
            print(self.far_gateway.logs())

    def server(self):
        return self.bus.objects("Device").get(DEVICE)

    def configured(self, characteristic, notify, indicate):
        """Waits until the server has been told what the client wants."""
        change = ("Configured", FAR_DEVICE, 1, characteristic, notify, indicate)
        self.far_bus.wait_for(lambda: change in self.far_bus.told, change)
        self.far_bus.told.remove(change)

    def send(self, method, characteristic, value):
        self.far_bus.call(FAR_MODULE, f"Bluetooth.{method}", "(qqaya{sv})", 1, characteristic, value, {})

    def values(self):
        """What the client was told by PropertiesChanged."""
        return [bytes(told[2]["Value"]) for told in self.bus.told if "Value" in told[2]]

    def test_one_finds_the_other_and_reads_its_table(self):
        server = self.server()
        self.assertEqual((server["Address"], server["AddressType"], server["RSSI"]), (SERVER, "public", -50))
        self.assertEqual({company: bytes(data) for company, data in server["ManufacturerData"].items()}, {0x02E5: b"\0\xff"})
        self.assertEqual((server["Connected"], server["ServicesResolved"], server["MTU"]), (True, True, 203))
        self.assertEqual([service["UUID"][4:8] for service in self.bus.objects("GattService").values()], ["1801", "1800", "a002", "a003"])
        characteristics = self.bus.objects("GattCharacteristic")
        flags = [characteristics[path]["Flags"] for path in (READABLE, WRITABLE, NOTIFYING, INDICATING)]
        self.assertEqual(flags, [["read"], ["write"], ["notify"], ["indicate"]])
        self.assertEqual({one["MTU"] for one in characteristics.values()}, {203})
        self.assertIn(f"{NOTIFYING}/desc0001", self.bus.objects("GattDescriptor"))
        self.assertTrue(self.far_bus.objects("Device")[FAR_DEVICE]["Connected"])

    def test_values_of_any_bytes_are_read_and_written(self):
        self.send("SetValue", 2, ANY_BYTES)
        self.assertEqual(self.bus.objects("GattCharacteristic")[READABLE]["Value"], [])
        self.assertEqual(bytes(self.bus.call(READABLE, "GattCharacteristic.ReadValue", "(a{sv})", {})), ANY_BYTES)
        self.assertEqual(bytes(self.bus.objects("GattCharacteristic")[READABLE]["Value"]), ANY_BYTES)
        from_sixth = {"offset": GLib.Variant("q", 5)}
        self.assertEqual(bytes(self.bus.call(READABLE, "GattCharacteristic.ReadValue", "(a{sv})", from_sixth)), ANY_BYTES[5:])
        self.bus.call(WRITABLE, "GattCharacteristic.WriteValue", "(aya{sv})", ANY_BYTES, {})
        self.far_bus.wait_for(lambda: ("Written", FAR_DEVICE, 1, 5, list(ANY_BYTES)) in self.far_bus.told, "the server is told of it")
        with self.assertRaisesRegex(GLib.Error, "InvalidArgument.* at most 200 bytes"):
            self.bus.call(WRITABLE, "GattCharacteristic.WriteValue", "(aya{sv})", bytes(201), {})
        with self.assertRaisesRegex(GLib.Error, "NotSupported.*cannot be written"):
            self.bus.call(READABLE, "GattCharacteristic.WriteValue", "(aya{sv})", b"x", {})
        with self.assertRaisesRegex(GLib.Error, "NotSupported.*cannot be read"):
            self.bus.call(WRITABLE, "GattCharacteristic.ReadValue", "(a{sv})", {})

    def test_values_are_notified_and_indicated_over_the_bus_to_those_who_asked(self):
        others = Bus(self.gateway)
        self.addCleanup(others.close)
        for bus in (self.bus, others):
            for path in (NOTIFYING, INDICATING):
                bus.listen(path, PROPERTIES, "PropertiesChanged")
        self.bus.call(NOTIFYING, "GattCharacteristic.StartNotify")
        self.configured(6, True, False)
        self.bus.call(INDICATING, "GattCharacteristic.StartNotify")
        self.configured(7, False, True)
        sent = [bytes([number]) * (1 + number * 9) for number in range(20)]
        for number, value in enumerate(sent):
            self.send("Indicate" if number % 4 == 3 else "Notify", 7 if number % 4 == 3 else 6, value)
        self.bus.wait_for(lambda: len(self.values()) == 20, "all values have come")
        self.assertEqual(self.values(), sent)
        self.assertEqual(bytes(self.bus.objects("GattCharacteristic")[INDICATING]["Value"]), sent[-1])
        others.wait_for(lambda: len(others.told) == 2, "the others are told that it notifies")
        self.assertEqual([set(told[2]) for told in others.told], [{"Notifying"}] * 2)
        self.bus.call(NOTIFYING, "GattCharacteristic.StopNotify")
        self.configured(6, False, False)
        with self.assertRaisesRegex(GLib.Error, "NotReady.*No connected device has asked for notifications"):
            self.send("Notify", 6, b"x")

    def test_values_are_notified_and_written_through_descriptors(self):
        reader, _ = self.bus.acquire(NOTIFYING, "AcquireNotify")
        writer, mtu = self.bus.acquire(WRITABLE, "AcquireWrite")
        self.addCleanup(reader.close)
        self.addCleanup(writer.close)
        self.assertEqual(mtu, 203)
        with self.assertRaisesRegex(GLib.Error, "InProgress"):
            self.bus.acquire(NOTIFYING, "AcquireNotify")
        self.configured(6, True, False)
        sent = [bytes([number, 0, 13, 10]) * (1 + number) for number in range(20)]
        for value in sent:
            self.send("Notify", 6, value)
            writer.send(value)
        reader.settimeout(20)
        self.assertEqual([reader.recv(1024) for _ in sent], sent)
        written = [("Written", FAR_DEVICE, 1, 5, list(value)) for value in sent]
        self.far_bus.wait_for(lambda: len(self.far_bus.told) == len(sent), "all values are written")
        self.assertEqual(self.far_bus.told, written)
        reader.close()
        self.configured(6, False, False)
        writer.settimeout(20)
        writer.send(bytes(201))  # more than one packet carries: the program learns that it is lost
        self.assertRaises(ConnectionResetError, writer.recv, 1)
        self.assertTrue(self.server()["Connected"])

    def test_a_link_lost_in_the_middle_ends_everything_that_was_about_it(self):
        quickly = {"max-interval": GLib.Variant("d", 30), "timeout": GLib.Variant("u", 300)}
        self.bus.call(DEVICE, "Device.SetConnectionParameters", "(a{sv})", quickly)
        self.bus.wait_for(lambda: self.server()["SupervisionTimeout"] == 300, "its time-out is changed")
        reader, _ = self.bus.acquire(NOTIFYING, "AcquireNotify")
        writer, _ = self.bus.acquire(WRITABLE, "AcquireWrite")
        for descriptor in (reader, writer):
            self.addCleanup(descriptor.close)
            descriptor.settimeout(20)
        self.configured(6, True, False)
        self.send("Notify", 6, b"before")
        self.assertEqual(reader.recv(1024), b"before")
        self.far_gateway.module.control(do="ble-range", on=False)
        self.addCleanup(self.far_gateway.module.control, do="ble-range", on=True)
        reading = self.bus.begin(READABLE, "GattCharacteristic.ReadValue", "(a{sv})", {})
        self.bus.wait_for(lambda: reading, "the read is answered")
        self.assertRegex(reading[0], f"org.espat1.Error.Failed: The device {SERVER} has disconnected.")
        self.assertEqual((reader.recv(1024), writer.recv(1024)), (b"", b""))
        self.assertRaises(BrokenPipeError, writer.send, b"x")
        self.bus.wait_for(lambda: not self.server()["Connected"], "the device is shown as disconnected")
        self.assertFalse(self.server()["ServicesResolved"])
        for interface in ("GattService", "GattCharacteristic", "GattDescriptor"):
            self.assertEqual(self.bus.objects(interface), {})
        with self.assertRaisesRegex(GLib.Error, "UnknownObject"):
            self.bus.call(READABLE, "GattCharacteristic.ReadValue", "(a{sv})", {})
        refused = self.gateway.espatctl("ble", "read", SERVER, "3.2", check=False)
        self.assertEqual((refused.returncode, "is not connected" in refused.stderr), (1, True), refused.stderr)
        self.far_bus.wait_for(lambda: not self.far_bus.objects("Device")[FAR_DEVICE]["Connected"], "the server has lost it too")
        with self.assertRaisesRegex(GLib.Error, "NotReady"):
            self.send("Notify", 6, b"x")
        # It advertises on, so that it can be connected again.
        self.far_gateway.module.control(do="ble-range", on=True)
        self.bus.call(DEVICE, "Device.Connect")
        self.assertEqual(self.bus.objects("GattCharacteristic")[NOTIFYING]["Notifying"], False)
        self.bus.call(READABLE, "GattCharacteristic.ReadValue", "(a{sv})", {})


if __name__ == "__main__":
    harness.main()
