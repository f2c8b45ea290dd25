#!/usr/bin/python3
"""What a BlueZ tutorial does, with the names of org.espat1. Usage: bluez_tutorial.py NAME READABLE-UUID NOTIFYING-UUID"""

import os
import sys
import time

import dbus

NAME, READABLE, NOTIFYING = sys.argv[1:]
bus = dbus.SystemBus()
manager = dbus.Interface(bus.get_object("org.espat1", "/org/espat1"), "org.freedesktop.DBus.ObjectManager")


def find(interface, below="/", **properties):
    for path, interfaces in manager.GetManagedObjects().items():
        if path.startswith(below) and interface in interfaces and properties.items() <= interfaces[interface].items():
            return dbus.Interface(bus.get_object("org.espat1", path), interface)
    return None


adapter = find("org.espat1.Bluetooth")
adapter.StartDiscovery({})
while not (device := find("org.espat1.Device", Name=NAME)):
    time.sleep(0.1)
adapter.StopDiscovery()
device.Connect()
readable = find("org.espat1.GattCharacteristic", device.object_path, UUID=READABLE)
print("read", bytes(readable.ReadValue({})).hex())
readable.WriteValue(b"\x00\n\xff", {})
print("read", bytes(readable.ReadValue({})).hex())
notifying = find("org.espat1.GattCharacteristic", device.object_path, UUID=NOTIFYING)
descriptor, mtu = notifying.AcquireNotify({})
print("notified", os.read(descriptor.take(), mtu).hex())
device.Disconnect()
