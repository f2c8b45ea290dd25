#!/usr/bin/python3
"""Bluetooth LE and MQTT go on beside a download: nothing that the module reports is lost, nothing that it carries is changed."""

import struct
import subprocess

import far_world
import harness
from gi.repository import Gio
from mqtt_broker import Broker, WithMqtt

SENSOR = "24:0a:c4:d6:e4:46"
PUBLISHED, NOTIFIED = 300, 300
DOWNLOADED = 2_000_000  # 22 seconds of line at 921600 baud


def sensor():
    characteristics = [
        {"uuid": "2A19", "properties": ["read", "write"], "value": "2a"},
        {"uuid": "C305", "properties": ["notify"], "value": "00"},
    ]
    return {
        "address": SENSOR, "advertisement": "020106", "scan-response": "0709" + b"Sensor".hex(), "interval-ms": 20,
        "services": [{"uuid": "180F", "characteristics": characteristics}],
    }  # fmt: skip


def beacon(number):
    """One of a crowd, with an advertisement as long as it can be."""
    name = b"Beacon %02d" % number
    return {
        "address": f"c0:de:00:00:00:{number:02x}", "address-type": 1, "interval-ms": 100,
        "advertisement": f"0201061bff5902{number:048x}", "scan-response": bytes([len(name) + 1, 9, *name]).hex(),
    }  # fmt: skip


def value(number):
    """Notified values: every length that a value may have, with bytes in them that look like messages of the module."""
    return struct.pack(">H", number) + (b"\r\n+IPD,0,5,\"\r\nOK\r\n" * 12)[: number % 199]


class Services(WithMqtt, harness.GatewayTest):
    options = {**harness.GatewayTest.options, "world": {**harness.default_world(), "bluetooth": {"peers": [sensor()]}}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(cls.gateway)
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        address = cls.gateway.environment["DBUS_SYSTEM_BUS_ADDRESS"]
        cls.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        cls.addClassCleanup(cls.bus.close_sync, None)

    def ble(self, *arguments, **options):
        return self.gateway.espatctl("ble", *arguments, **options).stdout.strip()

    def download(self):
        command = ("curl", "-sS", "--fail", f"http://{harness.WEB}/bytes/{DOWNLOADED}")
        return self.gateway.spawn("download", *command, stdout=subprocess.PIPE)

    def assert_whole(self, download):
        data, _ = download.popen.communicate(timeout=180)
        self.assertEqual(data, far_world.pattern(DOWNLOADED))

    def test_numbered_values_and_messages_come_whole_and_in_order_beside_a_download(self):
        gateway = self.gateway
        self.ble("connect", SENSOR)
        self.addCleanup(self.ble, "disconnect", SENSOR)
        self.mqtt("connect", harness.WEB)
        self.addCleanup(self.mqtt, "disconnect")
        values = gateway.spawn(
            "notify", harness.program("ESPATCTL"), "ble", "notify", SENSOR, "c305", "--count", NOTIFIED, "--as", "hex", stdout=subprocess.PIPE
        )
        messages = self.subscribe("mqtt", "sub", "-q", "1", "-c", PUBLISHED, "numbered")
        harness.wait_for(self.is_notifying, "the sensor is asked to notify")
        heard = self.broker.listen_to("listener", "written", 5, "-F", "\x02%p\x03")
        download = self.download()
        harness.wait_for(lambda: gateway.espatctl_json("links"), "the download has begun")
        lines = "".join(f"{number:04d}{'.' * (number * 7 % 900)}\n" for number in range(PUBLISHED))
        publisher = gateway.spawn_far("publisher", "mosquitto_pub", "-h", harness.WEB, "-t", "numbered", "-l", "-q", "1", stdin=subprocess.PIPE)
        publisher.popen.stdin.write(lines.encode())
        publisher.popen.stdin.close()
        for number in range(NOTIFIED):
            gateway.module.control(do="ble-change", address=SENSOR, uuid="C305", value=value(number).hex())
            if number % 60 == 0:  # commands in between
                self.ble("write", SENSOR, "2a19", str(number % 256), "--as", "uint8")
                self.assertEqual(self.ble("read", SENSOR, "2a19", "--as", "uint8"), str(number % 256))
                self.mqtt("pub", "written", str(number), "--qos", "1")
            if number == 50:  # within the 22 seconds that it takes at least
                self.assertIsNone(download.popen.poll(), "the download was over before the values")
        self.assert_whole(download)
        printed, _ = values.popen.communicate(timeout=60)
        self.assertEqual(printed.decode().split(), [value(number).hex() for number in range(NOTIFIED)])
        self.assertEqual(self.output_of(messages).decode(), lines)
        heard.popen.wait(60)
        self.assertEqual([part.split("\x03")[0] for part in heard.text().split("\x02")[1:]], [str(n) for n in range(0, NOTIFIED, 60)])

    def objects(self, interface):
        """Properties of all objects with that interface, in the order of their paths."""
        manager = ("org.espat1", "/org/espat1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        answer = self.bus.call_sync(*manager, None, None, Gio.DBusCallFlags.NONE, 20000, None).unpack()[0]
        return [one[interface] for _, one in sorted(answer.items()) if interface in one]

    def is_notifying(self):
        return any(one["Notifying"] for one in self.objects("org.espat1.GattCharacteristic"))

    def test_a_crowd_of_devices_is_heard_whole_beside_a_download(self):
        for number in range(50):
            self.gateway.module.control(do="ble-put", **beacon(number))
            self.addCleanup(self.gateway.module.control, do="ble-vanish", address=beacon(number)["address"])
        download = self.download()
        harness.wait_for(lambda: self.gateway.espatctl_json("links"), "the download has begun")
        looking = self.gateway.spawn("scan", harness.program("ESPATCTL"), "ble", "scan", "--watch", stdout=subprocess.DEVNULL)
        harness.wait_for(lambda: len(self.beacons()) == 50, "all devices are known", 60)
        for number in range(50):
            self.gateway.module.control(do="ble-change", address=beacon(number)["address"], rssi=-90 + number % 10)
        harness.wait_for(lambda: all(device["RSSI"] <= -81 for device in self.beacons()), "all are heard as far as they are now", 60)
        for number, device in enumerate(self.beacons()):
            self.assertEqual(device["Name"], f"Beacon {number:02d}")
        looking.popen.terminate()
        self.assert_whole(download)

    def beacons(self):
        """Those that the daemon knows."""
        return [one for one in self.objects("org.espat1.Device") if one["Address"].startswith("c0:de")]


if __name__ == "__main__":
    harness.main()
