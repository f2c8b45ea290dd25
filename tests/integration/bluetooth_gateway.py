"""What the tests of Bluetooth LE share: devices near a simulated module, and a program on the bus that asks as a user's would."""

import socket

import harness
from gi.repository import Gio, GLib

PUMP = "5b:3b:6c:51:90:49"


def device(name, address, values, period):
    """A device of the world: a value that can be read and written, at 2.1 in its table, and one that notifies, at 2.2."""
    characteristics = [
        {"uuid": "2A19", "properties": ["read", "write"], "value": "2a"},
        {"uuid": "C305", "properties": ["notify"], "notify-every-ms": period, "notify-values": [value.hex() for value in values]},
    ]
    return {
        "address": address, "address-type": 1, "interval-ms": 20, "rssi": -60,
        "advertisement": "02010603030f18", "scan-response": bytes([len(name) + 1, 9, *name.encode()]).hex(),
        "services": [
            {"uuid": "1800", "characteristics": [{"uuid": "2A00", "properties": ["read"], "text": name}]},
            {"uuid": "180F", "characteristics": characteristics},
        ],
    }  # fmt: skip


def world(*devices, **own):
    return {**harness.default_world(), "bluetooth": {"initialise-ms": 20, "repeat-ms": 200, "peers": list(devices), **own}}


class Bus:
    """One program's connection to a gateway's bus. What it is told by signals is kept in `told`, in order."""

    def __init__(self, gateway):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        address = gateway.environment["DBUS_SYSTEM_BUS_ADDRESS"]
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.told = []

    def close(self):
        self.connection.close_sync(None)

    def call(self, path, method, signature="()", *arguments):
        """`method` such as "Device.Connect"; what it returns, as Python has it."""
        interface, member = method.split(".")
        request = ("org.espat1", path, f"org.espat1.{interface}", member, GLib.Variant(signature, arguments))
        answer = self.connection.call_sync(*request, None, Gio.DBusCallFlags.NONE, 60000, None).unpack()
        return answer[0] if answer else None

    def begin(self, path, method, signature="()", *arguments):
        """The same without waiting: a list into which the error comes, or None if there is none."""
        done = []

        def take(connection, result):
            try:
                connection.call_finish(result)
                done.append(None)
            except GLib.Error as error:
                done.append(error.message)

        interface, member = method.split(".")
        request = ("org.espat1", path, f"org.espat1.{interface}", member, GLib.Variant(signature, arguments))
        self.connection.call(*request, None, Gio.DBusCallFlags.NONE, 60000, None, take)
        return done

    def acquire(self, path, method):
        """The socket that AcquireNotify or AcquireWrite gives, and the MTU."""
        request = ("org.espat1", path, "org.espat1.GattCharacteristic", method, GLib.Variant("(a{sv})", ({},)), None)
        answer, descriptors = self.connection.call_with_unix_fd_list_sync(*request, Gio.DBusCallFlags.NONE, 60000, None, None)
        index, mtu = answer.unpack()
        return socket.socket(fileno=descriptors.get(index)), mtu

    def listen(self, path, interface, member):
        def take(_, sender, at, of, name, arguments):
            self.told.append((name, *arguments.unpack()))

        self.connection.signal_subscribe("org.espat1", interface, member, path, None, Gio.DBusSignalFlags.NONE, take)

    def wait_for(self, condition, what):
        """As harness.wait_for, while signals and answers are taken in."""

        def pumped():
            context = GLib.MainContext.default()
            while context.pending():
                context.iteration(False)
            return condition()

        return harness.wait_for(pumped, what)

    def objects(self, interface):
        """Properties by path of all objects that have it, such as "Device"."""
        request = ("org.espat1", "/org/espat1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None)
        answer = self.connection.call_sync(*request, None, Gio.DBusCallFlags.NONE, 20000, None).unpack()[0]
        name = f"org.espat1.{interface}"
        return {path: interfaces[name] for path, interfaces in sorted(answer.items()) if name in interfaces}
