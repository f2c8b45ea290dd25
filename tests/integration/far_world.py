"""The network that a simulated module reaches: a web server, a name server and a few plain TCP and UDP services.

Runs as a program in the namespace of the far world (harness.py starts it) and prints "ready" when all ports are open.
Usage: far_world.py WEB-ADDRESS[,...] NAME-SERVER-ADDRESS[,...] [NAME=ADDRESS...]
Addresses are of either family; a link-local one has its zone behind a %.

  web        80   GET /              a page
                  GET /bytes/N       N bytes that pattern(N) gives here and in the tests
                  GET /slow/N/MS     N bytes, a pause of MS before every 4096
                  PUT, POST /        answers with the SHA-256 of what came
  echo        7   TCP and UDP: everything back
  endless    19   TCP: bytes as long as somebody reads them
  judge    5001   TCP: reads a line with a count and then so many bytes; answers with count and SHA-256 of them (it cannot wait for the
                  end of the stream: a module conveys that only by closing both directions)
  stalled  5002   TCP: accepts, then reads nothing for 5 s, then behaves like judge
  resetting 5003  TCP: resets the connection once a byte has come
  taker    5004  TCP: reads a line with a name, a count and seconds; takes so many bytes, rests so long, then takes all that still
                  comes; its receive buffer is small. UDP: counts, under the text of the datagrams as name
  tally    5005  TCP: what the takers have got so far, as JSON: {name: {"bytes": N, "sha256": …, "ended": …}}
  ending   5006   TCP: reads a line with a count, answers with pattern(count) and closes
  names      53   UDP: A and AAAA records for the names given, NXDOMAIN for all others
Anything else is closed: a connect is refused.
"""

import asyncio
import hashlib
import json
import random
import re
import socket
import struct
import sys

SMALL_WINDOWS = (5002, 5004)
PAGE = b"<!doctype html><title>espat</title><p>Hello from the far side of the serial line.</p>\n"


def pattern(count):
    """Bytes that look random and are the same every time."""
    return random.Random(count).randbytes(count)


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    method, path = head.split(b" ", 2)[:2]
    if re.search(rb"(?im)^expect: *100-continue", head):
        return method, path, head, True
    return method, path, head, False


async def read_body(reader, head):
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    digest, rest = hashlib.sha256(), int(length.group(1)) if length else 0
    while rest:
        block = await reader.read(min(rest, 65536))
        if not block:
            raise ConnectionError("the body ended early")
        digest.update(block)
        rest -= len(block)
    return digest.hexdigest()


async def serve_web(reader, writer):
    while True:
        try:
            method, path, head, expects = await read_request(reader)
        except asyncio.IncompleteReadError:
            return
        pause = 0
        if method in (b"PUT", b"POST"):
            if expects:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = (await read_body(reader, head) + "\n").encode()
        elif match := re.fullmatch(rb"/bytes/(\d+)", path):
            body = pattern(int(match.group(1)))
        elif match := re.fullmatch(rb"/slow/(\d+)/(\d+)", path):
            body, pause = pattern(int(match.group(1))), int(match.group(2)) / 1000
        else:
            body = PAGE
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, 0 if method == b"HEAD" else len(body), 4096):
            if pause:
                await asyncio.sleep(pause)
            writer.write(body[start : start + 4096])
            await writer.drain()


async def echo(reader, writer):
    while block := await reader.read(65536):
        writer.write(block)
        await writer.drain()


async def endless(_reader, writer):
    block = pattern(65536)
    while True:
        writer.write(block)
        await writer.drain()


async def judge(reader, writer):
    rest, count, digest = int(await reader.readline()), 0, hashlib.sha256()
    while rest and (block := await reader.read(min(rest, 65536))):
        rest -= len(block)
        count += len(block)
        digest.update(block)
    writer.write(f"{count} {digest.hexdigest()}\n".encode())
    await writer.drain()


async def stalled(reader, writer):
    writer.transport.pause_reading()
    await asyncio.sleep(5)
    writer.transport.resume_reading()
    await judge(reader, writer)


async def resetting(reader, writer):
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


tallies = {}


async def taker(reader, writer):
    name, count, seconds = (await reader.readline()).split()
    tally = tallies[name.decode()] = {"bytes": 0, "sha256": "", "ended": False}
    digest = hashlib.sha256()
    rests = float(seconds) > 0
    try:
        while block := await reader.read(2048):
            digest.update(block)
            tally.update(bytes=tally["bytes"] + len(block), sha256=digest.hexdigest())
            if rests and tally["bytes"] >= int(count):
                rests = False
                await asyncio.sleep(float(seconds))
    finally:
        tally["ended"] = True


async def tell_tally(_reader, writer):
    writer.write(json.dumps(tallies).encode())
    await writer.drain()


async def ending(reader, writer):
    writer.write(pattern(int(await reader.readline())))
    await writer.drain()


def service(conversation):
    async def serve(reader, writer):
        try:
            await conversation(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return serve


class UdpEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


class DatagramTaker(asyncio.DatagramProtocol):
    def datagram_received(self, data, _address):
        tally = tallies.setdefault(data.decode().strip(), {"bytes": 0, "sha256": "", "ended": False})
        tally["bytes"] += len(data)


class NameServer(UdpEcho):
    def __init__(self, names):
        self.names = names

    def datagram_received(self, data, address):
        if len(data) < 17:
            return
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode("ascii", "replace").lower())
            at += 1 + data[at]
        question = data[12 : at + 5]
        kind = int.from_bytes(data[at + 1 : at + 3], "big")
        known = self.names.get(".".join(labels), [])
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        answers = [socket.inet_pton(family, address) for address in known if (":" in address) == (kind == 28)] if family else []
        flags = 0x8580 if known else 0x8583
        reply = data[:2] + struct.pack("!5H", flags, 1, len(answers), 0, 0) + question
        for answer in answers:
            reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(answer)) + answer
        self.transport.sendto(reply, address)


async def serve_at(address):
    """All services but the name server, at one address."""
    loop = asyncio.get_running_loop()
    for port, conversation in (
        (80, serve_web),
        (7, echo),
        (19, endless),
        (5001, judge),
        (5002, stalled),
        (5003, resetting),
        (5004, taker),
        (5005, tell_tally),
        (5006, ending),
    ):
        family, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # These must be able to close their windows, so their receive buffers are small.
        if port in SMALL_WINDOWS:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind(place)
        await asyncio.start_server(service(conversation), sock=sock, limit=4096 if port in SMALL_WINDOWS else 65536, backlog=128)
    await loop.create_datagram_endpoint(UdpEcho, local_addr=(address, 7))
    await loop.create_datagram_endpoint(DatagramTaker, local_addr=(address, 5004))


async def main(web, names_at, *names):
    for address in web.split(","):
        await serve_at(address)
    table = {}
    for name, address in (entry.split("=", 1) for entry in names):
        table.setdefault(name.lower(), []).append(address)
    for address in names_at.split(","):
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: NameServer(table), local_addr=(address, 53))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
