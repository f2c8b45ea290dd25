"""Datagram services of the far world beyond those of far_world.py: time, CoAP, multicast DNS, and a name server with long answers.

Runs as a program in the namespace of the far world and prints "ready" when all ports are open. Usage: far_datagrams.py WEB-ADDRESS ON-LINK-ADDRESS

  time     123  on WEB: answers a client's NTP packet
  coap    5683  on WEB: answers every request with 2.05 Content in the acknowledgement
  names     53  on WEB: answers every question with LONG_TEXT as TXT
  echo    5007  on WEB: everything back
  judge   5008  on WEB: the SHA-256 of what came
  mdns    5353  on ON-LINK: hears 224.0.0.251 and answers by unicast from its own address
"""

import asyncio
import hashlib
import socket
import struct
import sys

MULTICAST_DNS = "224.0.0.251"
LONG_TEXT = b"".join(b"%05d " % number for number in range(500))  # 3000 bytes


class Service(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(self.answer(data), address)


class Echo(Service):
    def answer(self, data):
        return data


class Judge(Service):
    def answer(self, data):
        return hashlib.sha256(data).digest()


class Time(Service):
    def answer(self, data):
        # Leap 0, version 4, mode 4 (server), stratum 2; the client's transmit time comes back as originate time (RFC 5905 7.3).
        return struct.pack("!BBbb11I", 0x24, 2, 4, -20, 0, 0, 0x7F7F0101, 1, 0, *struct.unpack("!2I", data[40:48]), 2, 0, 3, 0)


class Coap(Service):
    def answer(self, data):
        # Version 1, acknowledgement, the request's token length; 2.05 Content; the request's message id and token (RFC 7252 3).
        token = data[4 : 4 + (data[0] & 15)]
        return bytes([0x60 | len(token), 0x45]) + data[2:4] + token + b"\xff" + b"22.5 C"


def question_of(data):
    end = 12
    while data[end]:
        end += 1 + data[end]
    return data[12 : end + 5]


class Names(Service):
    def answer(self, data):
        strings = b"".join(bytes([250]) + LONG_TEXT[at : at + 250] for at in range(0, len(LONG_TEXT), 250))
        record = struct.pack("!HHHIH", 0xC00C, 16, 1, 60, len(strings)) + strings
        return data[:2] + struct.pack("!5H", 0x8580, 1, 1, 0, 0) + question_of(data) + record


class MulticastNames(asyncio.DatagramProtocol):
    """Hears the group, answers from a socket of its own: that is who a module names as sender."""

    def __init__(self, on_link):
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.own.bind((on_link, 5353))

    def datagram_received(self, data, address):
        record = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(self.own.getsockname()[0])
        self.own.sendto(data[:2] + struct.pack("!5H", 0x8400, 1, 1, 0, 0) + question_of(data) + record, address)


async def main(web, on_link):
    loop = asyncio.get_running_loop()
    for port, protocol in ((123, Time), (5683, Coap), (53, Names), (5007, Echo), (5008, Judge)):
        await loop.create_datagram_endpoint(protocol, local_addr=(web, port))
    group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    group.bind((MULTICAST_DNS, 5353))
    group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(MULTICAST_DNS) + socket.inet_aton("127.0.0.1"))
    await loop.create_datagram_endpoint(lambda: MulticastNames(on_link), sock=group)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
