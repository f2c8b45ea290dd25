#!/usr/bin/python3
"""What a BlueZ tutorial does (find a device, connect, read, write, be notified), with the names of org.espat1.

Usage: bluez_tutorial.py NAME READABLE-UUID NOTIFYING-UUID; prints what it reads and the first value that it is notified of.
"""

import sys
import time

import dbus
import dbus.mainloop.glib
from gi.repository import GLib

NAME, READABLE, NOTIFYING = sys.argv[1:]
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus, loop = dbus.SystemBus(), GLib.MainLoop()
manager = dbus.Interface(bus.get_object("org.espat1", "/org/espat1"), "org.freedesktop.DBus.ObjectManager")


def find(interface, key, value, below="/"):
    for path, interfaces in manager.GetManagedObjects().items():
        if path.startswith(below) and interfaces.get(interface, {}).get(key) == value:
            return dbus.Interface(bus.get_object("org.espat1", path), interface)
    return None


adapter = dbus.Interface(bus.get_object("org.espat1", "/org/espat1/module/esp0"), "org.espat1.Bluetooth")
adapter.StartDiscovery({})
while not (device := find("org.espat1.Device", "Name", NAME)):
    time.sleep(0.1)
adapter.StopDiscovery()
device.Connect()
readable = find("org.espat1.GattCharacteristic", "UUID", READABLE, device.object_path)
print("read", bytes(readable.ReadValue({})).hex())
readable.WriteValue(dbus.ByteArray(b"\x00\n\xff"), {})
print("read", bytes(readable.ReadValue({})).hex())


def changed(interface, values, _):
    if "Value" in values:
        print("notified", bytes(values["Value"]).hex())
        loop.quit()


notifying = find("org.espat1.GattCharacteristic", "UUID", NOTIFYING, device.object_path)
notifying.connect_to_signal("PropertiesChanged", changed, "org.freedesktop.DBus.Properties")
notifying.StartNotify()
loop.run()
notifying.StopNotify()
device.Disconnect()
