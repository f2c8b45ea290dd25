"""Bluetooth and MQTT beside a download: what reports and commands wait for, and what the download loses by it."""

import collections
import contextlib
import struct
import subprocess
import threading
import time

import daemon
import figures
import harness
import line
import mqtt_broker
import streams
from gi.repository import Gio, GLib

PATH = "/org/espat1/module/esp0"
PERIOD = 0.1  # seconds between two reports of a kind
REPORT_BOUND = 200  # ms, issue 4
SHORT_COMMAND = 500  # ms: what DESIGN section 5 lets a command of the class "short" hold the channel
READABLE, NOTIFYING = "00002a19-0000-1000-8000-00805f9b34fb", "0000c305-0000-1000-8000-00805f9b34fb"
CROWD = 50
SIGHTING = len('+BLESCAN:"c0:de:00:00:00:00",-60,,,1\r\n')  # of a report, without its data
SENSOR = {
    "address": "24:0a:c4:d6:e4:46", "advertisement": "020106", "interval-ms": 20,
    "services": [{"uuid": "180F", "characteristics": [
        {"uuid": "2A19", "properties": ["read", "write"], "value": "2a"}, {"uuid": "C305", "properties": ["notify"], "value": "00000000"},
    ]}],
}  # fmt: skip


def advertiser(number, **more):
    """A device with an advertisement of 31 bytes and a name to ask for."""
    payload = "020106" + "1bff5902" + f"{number:048x}"
    name = f"Beacon {number:04d}".encode()
    response = bytes([len(name) + 1, 9]) + name
    address = ":".join(f"{byte:02x}" for byte in struct.pack(">HI", 0xC0DE, number))
    return {"address": address, "address-type": 1, "advertisement": payload, "scan-response": response.hex(), **more}


class Bus:
    """A client of the daemon: calls from any thread; signals are noted with the time at which they came."""

    def __init__(self, host):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        address = host.environment["DBUS_SYSTEM_BUS_ADDRESS"]
        self.context, self.came = GLib.MainContext(), collections.defaultdict(dict)
        self._loop = GLib.MainLoop(self.context)
        self._thread = threading.Thread(target=self._run, args=(address, flags), daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait()

    def _run(self, address, flags):
        self.context.push_thread_default()
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.signal_subscribe(None, None, None, None, None, Gio.DBusSignalFlags.NONE, self._note)
        self._ready.set()
        self._loop.run()

    def close(self):
        self._loop.quit()
        self._thread.join()
        self.connection.close_sync(None)

    def _note(self, _connection, _sender, _path, _interface, name, arguments):
        now = time.monotonic()
        if name == "Message":
            self.came["message"].setdefault(bytes(arguments.get_child_value(1)), now)
        elif name == "InterfacesAdded":
            self.came["device"].setdefault(arguments.get_child_value(0).get_string(), now)
        elif name == "PropertiesChanged":
            self.came["signals"][len(self.came["signals"])] = now
            value = arguments.get_child_value(1).lookup_value("Value", None)
            if value is not None:
                self.came["value"].setdefault(bytes(value), now)

    def call(self, interface, method, arguments=None, path=PATH):
        """The seconds that it took, and what it gave."""
        begin = time.monotonic()
        result = self.connection.call_sync("org.espat1", path, f"org.espat1.{interface}", method, arguments, None, 0, 60000, None)
        return time.monotonic() - begin, result

    def characteristic(self, uuid):
        objects = self.connection.call_sync(
            "org.espat1", "/org/espat1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None, None, 0, -1, None
        ).unpack()[0]
        return next(path for path, one in objects.items() if one.get("org.espat1.GattCharacteristic", {}).get("UUID") == uuid)


class Regular:
    """Does something every PERIOD in a thread, and remembers when."""

    def __init__(self, action, period=PERIOD):
        self.action, self.period, self.done, self._over = action, period, {}, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _work(self):
        number = 0
        while not self._over.wait(self.period):
            number += 1
            begin = time.monotonic()
            self.done[self.action(number)] = begin


def percentiles(values, *percents):
    ordered = sorted(values)
    return [ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in percents]


def distribution(what, sent, came, busy, limit):
    """How late what was sent came, and how much of it never did."""
    late = [1000 * (came[key] - begin) for key, begin in sent.items() if key in came]
    yield figures.Figure(f"{what} lost, of {len(sent)}", len(sent) - len(late), "", goal=0, at_most=True)
    if not late:
        return
    for percent, value in zip((50, 99, 100), percentiles(late, 50, 99, 100)):
        goal = REPORT_BOUND if percent > 50 else None
        name = f"{what} late, " + ("longest" if percent == 100 else f"p{percent}")
        yield figures.Figure(name, value, "ms", goal=goal, at_most=True, busy=busy.share, limit=limit)


def busy_room(rate, seconds):
    """50 devices that advertise every 100 ms and move all the time."""
    peers = [advertiser(number) for number in range(CROWD)]
    world = {**harness.default_world(), "bluetooth": {"peers": peers}}
    with line.gateway(rate, world=world) as host, contextlib.ExitStack() as cleanup:
        host.join()
        bus = Bus(host)
        cleanup.callback(bus.close)
        process = daemon.Process(host.daemon.pid)

        def load():
            """Bytes and processor seconds for a second of download."""
            used, begin = sum(process.processor_seconds()), time.monotonic()
            rate_of_download, _ = streams.rates_of_module(host, seconds)
            return rate_of_download, (sum(process.processor_seconds()) - used) / (time.monotonic() - begin)

        def move(number):
            host.module.control(do="ble-change", address=peers[number % CROWD]["address"], rssi=-90 + 20 * (number // CROWD % 2))

        with figures.Busy() as busy, streams.Endless():
            alone, processor_alone = load()
            with Regular(move, 1 / CROWD):
                bus.call("Bluetooth", "StartDiscovery", GLib.Variant("(a{sv})", ({},)))
                harness.wait_for(lambda: len(bus.came["device"]) == CROWD, "all devices are known")
                signals = len(bus.came["signals"])
                begin = time.monotonic()
                shared, processor = load()
                signals = (len(bus.came["signals"]) - signals) / (time.monotonic() - begin)
    reports = sum(len(peer["advertisement"]) + len(peer["scan-response"]) + 2 * SIGHTING for peer in peers)
    yield figures.Figure(
        line.named(f"download beside {CROWD} advertisers, of its undisturbed speed", rate), shared / alone, "share", goal=0.9,
        ceiling=1 - reports / alone, busy=busy.share, limit="two reports a second of each device",
    )  # fmt: skip
    yield figures.Figure(
        f"signals per second for {CROWD} advertisers", signals, "1/s", goal=2 * CROWD, at_most=True, limit="each moves once a second"
    )
    yield figures.Figure(
        f"processor for {CROWD} advertisers", processor - processor_alone, "s/s", busy=busy.share, limit=f"{processor_alone:.2f} for the download alone"
    )


def sharing(rate, seconds):
    world = {**harness.default_world(), "bluetooth": {"peers": [SENSOR]}}
    with line.gateway(rate, world=world) as host, contextlib.ExitStack() as cleanup:
        host.join()
        mqtt_broker.Broker(host)
        publisher = host.spawn_far("publisher", "mosquitto_pub", "-h", harness.WEB, "-t", "reports", "-l", "-q", "1", stdin=subprocess.PIPE)
        lines = publisher.popen.stdin
        bus = Bus(host)
        cleanup.callback(bus.close)
        bus.call("Bluetooth", "ConnectDevice", GLib.Variant("(sa{sv})", (SENSOR["address"], {})))
        notifying, readable = bus.characteristic(NOTIFYING), bus.characteristic(READABLE)
        bus.call("GattCharacteristic", "StartNotify", path=notifying)
        bus.call("Mqtt", "Connect", GLib.Variant("(sa{sv})", (harness.WEB, {})))
        bus.call("Mqtt", "Subscribe", GLib.Variant("(sa{sv})", ("reports", {"qos": GLib.Variant("u", 1)})))
        bus.call("Bluetooth", "StartDiscovery", GLib.Variant("(a{sv})", ({},)))

        def notify(number):
            value = struct.pack(">I", number)
            host.module.control(do="ble-change", address=SENSOR["address"], uuid="C305", value=value.hex())
            return value

        def message(number):
            lines.write(b"message %d\n" % number)
            lines.flush()
            return b"message %d" % number

        def appear(number):
            device = advertiser(number, **{"interval-ms": 10})
            host.module.control(do="ble-put", **device)
            return f"{PATH}/dev_" + device["address"].upper().replace(":", "_")

        commands = {
            "an MQTT publication, QoS 0": lambda: bus.call("Mqtt", "Publish", publication(0)),
            "an MQTT publication, QoS 1": lambda: bus.call("Mqtt", "Publish", publication(1)),
            "a Bluetooth read": lambda: bus.call("GattCharacteristic", "ReadValue", GLib.Variant("(a{sv})", ({},)), readable),
            "a Bluetooth write": lambda: bus.call("GattCharacteristic", "WriteValue", written(), readable),
        }
        with figures.Busy() as busy, streams.Endless():
            alone, _ = streams.rates_of_module(host, seconds, begin=min(4, seconds))
            with Regular(notify) as values, Regular(message) as messages, Regular(appear, 5 * PERIOD) as devices:
                shared, _ = streams.rates_of_module(host, seconds)
                time.sleep(0.5)
            time.sleep(1)
            took = {what: [1000 * call()[0] for _ in range(max(3, int(3 * seconds)))] for what, call in commands.items()}
        undisturbed = {what: [1000 * call()[0] for _ in range(10)] for what, call in commands.items()}
    yield figures.Figure(
        line.named("download beside reports, of its undisturbed speed", rate), shared / alone, "share", goal=0.9, busy=busy.share,
        limit=f"undisturbed {alone / (rate / 10):.1%} of the line, which the reports share",
    )  # fmt: skip
    buffer = line.TRANSMIT_BUFFER / (rate / 10) * 1000
    limit = f"the module's transmit buffer, full of the download, is {buffer:.0f} ms; a report waits for the +IPD before it, too"
    yield from distribution("notifications", values.done, bus.came["value"], busy, limit)
    yield from distribution("MQTT messages", messages.done, bus.came["message"], busy, limit)
    yield from distribution("devices that appear", devices.done, bus.came["device"], busy, limit + "; until it is heard, 10 ms")
    for what, times in took.items():
        longest = max(times)
        (usual,), (without,) = percentiles(times, 50), percentiles(undisturbed[what], 50)
        yield figures.Figure(f"{what}, p50", usual, "ms", busy=busy.share, limit=f"{without:.0f} ms without a download")
        yield figures.Figure(
            f"{what}, longest", longest, "ms", goal=SHORT_COMMAND, at_most=True, busy=busy.share,
            limit="prompt and answer each wait for the module's transmit buffer",
        )  # fmt: skip


def publication(qos):
    return GLib.Variant("(saya{sv})", ("elsewhere", b"21.5", {"qos": GLib.Variant("u", qos)}))


def written():
    return GLib.Variant("(aya{sv})", (b"\x2b", {}))
