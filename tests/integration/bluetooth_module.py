#!/usr/bin/python3
"""A module whose Bluetooth is scripted: AT+BLE... is answered here, everything else by the simulator behind it.

Usage: bluetooth_module.py TTY-OF-THE-SIMULATOR LINK. Prints "ready" when LINK is there. The texts are those of the guide's dialogues
4.3.2 and 4.3.3 and of message-shapes.md. Near it is one device, "Pump", with a value that can be read and written (2a19) and one that
notifies (c305). SIGUSR1: the device leaves. SIGUSR2: a client connects to the module, asks for notifications and writes.
"""

import os
import pty
import re
import select
import signal
import sys
import time
import tty

PUMP = '"24:0a:c4:d6:e4:46"'
CLIENT = '"7c:df:a1:00:00:01"'
COMMANDS = ["BLEINIT", "BLESCAN", "BLECONN", "BLEGATTCCHAR"]
CHARACTERISTICS = ['"char",0,3,1,0x2A19,0x0A', '"desc",0,3,1,1,0x2901', '"char",0,3,6,0xC305,0x10', '"desc",0,3,6,1,0x2902']
PERIOD = 0.1  # seconds between notifications


class Radio:
    def __init__(self, say):
        self.say = say
        self.role = 0
        self.value = b"\x2a"
        self.next_notification = None
        self.notifications = 0
        self.command = ""

    def answer(self, *lines):
        self.say("".join(f"{line}\r\n" for line in lines).encode() + b"\r\nOK\r\n")

    def take(self, command):
        """Answers a command; the length of the payload that follows its prompt."""
        self.command = command
        name, _, arguments = command.removeprefix("AT+").partition("=")
        if re.fullmatch("BLEGATT(CWR|SNTFY|SIND|SSETATTR)", name):
            self.say(b"\r\n>")
            return int(arguments.rsplit(",", 1)[1])
        if name == "BLEINIT":
            self.role = int(arguments)
        if name == "BLECONN":
            self.say(f"+BLECONN:0,{PUMP}\r\n".encode())
        if name == "BLEGATTCRD":
            self.say(f"+BLEGATTCRD:0,{len(self.value)},".encode() + self.value + b"\r\n")
        answers = {
            "BLEINIT?": [f"+BLEINIT:{self.role}"],
            "BLEADDR?": ['+BLEADDR:"7c:df:a1:b3:8d:de"'],
            "BLENAME?": ["+BLENAME:ESP-AT"],
            "BLECFGMTU?": ["+BLECFGMTU:0,203", "+BLECFGMTU:1,23"],
            "BLECONNPARAM?": ["+BLECONNPARAM:0,24,40,40,0,400"],
            "BLEGATTCPRIMSRV": ["+BLEGATTCPRIMSRV:0,3,0x180F,1"],
            "BLEGATTCCHAR": [f"+BLEGATTCCHAR:{line}" for line in CHARACTERISTICS],
            "BLEGATTSSRV?": ["+BLEGATTSSRV:1,1,0xA002,1"],
            "BLEGATTSCHAR?": ['+BLEGATTSCHAR:"char",1,6,0xC305,0x10', '+BLEGATTSCHAR:"desc",1,6,1,0x2902'],
        }
        self.answer(*answers.get(name, []))
        if command == "AT+BLESCAN=1":
            self.say(f"+BLESCAN:{PUMP},-29,020106050950756d7003030f18,,1\r\n+BLESCAN:{PUMP},-29,,,1\r\n".encode())
        if name == "BLEDISCONN":
            self.leave()
        return 0

    def take_payload(self, payload):
        if self.command.startswith("AT+BLEGATTCWR=0,3,1,,"):
            self.value = payload
        if self.command.startswith("AT+BLEGATTCWR=0,3,6,1,"):
            self.next_notification = time.monotonic() + PERIOD if payload[0] else None
        self.answer()

    def leave(self, *_):
        self.next_notification = None
        self.say(f"+BLEDISCONN:0,{PUMP}\r\n".encode())

    def write(self, *_):
        self.say(f"+BLECONN:1,{CLIENT}\r\n".encode())
        self.say(b"+WRITE:1,1,6,1,2,01\r\n+WRITE:1,1,3,,4,a\x00\n\xff\r\n")

    def notify(self):
        """Notifies if it is time; seconds until it is."""
        if self.next_notification is None:
            return None
        if time.monotonic() >= self.next_notification:
            self.notifications += 1
            self.next_notification = time.monotonic() + PERIOD
            # As firmware 5.0 prints it, whatever notifies (quirk 8).
            self.say(b"+NOTIFY:0,3,6,2," + bytes([self.notifications % 256, 0]) + b"\r\n")
        return max(0.0, self.next_notification - time.monotonic())


class Between:
    """Whether the simulator's output stands between two messages: a module prints its reports whole."""

    def __init__(self):
        self.payload = 0  # bytes of +IPD that are still to come
        self.text = b""

    def follow(self, data):
        while data:
            if self.payload:
                taken = min(self.payload, len(data))
                self.payload -= taken
                data = data[taken:]
                continue
            self.text += data
            data = b""
            if header := re.search(rb'\+IPD,\d+,(\d+),"[^"]*",\d+:', self.text):
                data, self.text = self.text[header.end() :], b""
                self.payload = int(header[1])
        self.text = self.text[-100:]

    def __bool__(self):
        return self.payload == 0 and (not self.text or self.text.endswith((b"\r\n", b">")))


def main():
    simulator = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    host, port = pty.openpty()
    for terminal in (simulator, host, port):
        tty.setraw(terminal)
    os.symlink(os.ttyname(port), sys.argv[2])  # stays open here, so that the daemon may come and go
    radio = Radio(lambda data: os.write(host, data))
    signal.signal(signal.SIGUSR1, radio.leave)
    signal.signal(signal.SIGUSR2, radio.write)
    print("ready", flush=True)
    line, payload, wanted, held = b"", b"", 0, b""
    between = Between()
    while True:
        # Neither notifications nor answers in the middle of what the simulator says.
        awaited, limit = ([host, simulator], radio.notify()) if between else ([simulator], None)
        readable, _, _ = select.select(awaited, [], [], limit)
        if simulator in readable:
            held += os.read(simulator, 65536)
            listing = b"+CMD:" in held or held.endswith((b"+", b"+C", b"+CM", b"+CMD"))
            if not listing or b"\r\nOK\r\n" in held:
                if listing:
                    more = "".join(f'+CMD:{number},"AT+{name}",0,1,1,1\r\n' for number, name in enumerate(COMMANDS, 300))
                    held = held.replace(b"\r\nOK\r\n", more.encode() + b"\r\nOK\r\n", 1)
                os.write(host, held)
                between.follow(held)
                held = b""
        for byte in os.read(host, 65536) if host in readable else b"":
            if wanted:
                payload += bytes([byte])
                wanted -= 1
                if not wanted:
                    radio.take_payload(payload)
                    payload = b""
                continue
            line += bytes([byte])
            if line.endswith(b"\n"):
                if line.startswith(b"AT+BLE"):
                    wanted = radio.take(line.strip().decode())
                else:
                    os.write(simulator, line)
                line = b""


if __name__ == "__main__":
    main()
