#!/usr/bin/env python3
"""Plays recordings of a real module against espat-sim and compares what it says byte for byte.

  run_recording.py SIMULATOR RECORDING… [--only SECTION] [--verbose]

recording.py tells the form of the files, and what may differ. Actions ("!" lines):

  world {…}                     merged into the world file (before anything else)
  serve mqtt PORT [USER PASSWORD]  a broker at 192.168.4.2; another client of it watches out/#
  told TOPIC QOS RETAINED HEX   what that client gets next | delivers TOPIC QOS BYTES: it publishes this
  takes-over ID                 it connects with this id
  serve tcp|tls|udp PORT [echo] [narrow] [reset] [greets] [tls1.3] [http/1.1] [asks] [stranger]
                                a far end at 192.168.4.2;
                               narrow: it does not read; greets: sends 9000 bytes and closes;
                                asks: for a client certificate; stranger: its own is of another authority
  factory | echo                start: not joined and untouched | joined, with echo on (otherwise joined, ATE0)
  given COMMAND                 a command of the recording's past; it must succeed
  heard BYTES                   what else the module says before the recording begins
  connect NAME [PORT] | refused PORT        a client of the module's server | nobody listens there
  WHO sends|got|then-got BYTES  WHO: PORT (its last connection), PORT.N or NAME; got: exactly this since the last look,
                                then-got: this at the end
  WHO closes|resets|shuts|ends|drains|connects      ends: has seen the end; drains: reads at last; connects: anew
  PORT deaf|listens             the far end's server goes and comes back
  asked NAME/TYPE…              what the DNS server was asked since the last look
  nothing MS | wait MS          and the module is silent for that long | time passes
  write BYTES                   the host writes (where the recording says so in words)
  certificate NAME SIZE         the host writes our certificate or key of that name, blank lines added
  fill LINK SIZE                sends until one is not answered; its Recv is left to be compared
  payload LINK BYTES            +IPD reports of this link bring these bytes, 1 to 2920 in each
  rate BAUD                     the host changes its line
  order {…}                     for the simulator's control socket
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import termios
import time
import tty

import namespace
import recording
from control import Control
from far_end import Certificates, Failure
from peers import HOST, MODULE, DNS, Peers

LIMIT = 8.0  # seconds for anything; the worlds of the recordings are faster than the recorded one
WORLD = {
    'access-points': [
        {'ssid': 'Espressif', 'bssid': '10:01:00:c4:0a:51', 'channel': 5, 'rssi': -25,
         'dhcp': {'address': MODULE, 'gateway': HOST, 'netmask': '255.255.255.0', 'dns': [DNS]}},
        {'ssid': 'PICSimLabWifi', 'bssid': '10:01:00:c4:0a:56', 'channel': 1, 'rssi': -21},
        {'ssid': 'MasseyWifi', 'bssid': '10:01:00:c4:0a:52', 'channel': 10, 'rssi': -34}],
    'ping': {HOST: 5, DNS: 5, '192.168.4.99': None, '192.168.4.77': None, '10.99.99.99': None, 'fec0::2': 11},
    'timing': {'boot-ms': 100, 'associate-ms': 40, 'dhcp-ms': 100, 'scan-ms': 50, 'scan-channel-ms': 20, 'connect-ms': 300,
               'handshake-ms': 300, 'name-server-ms': 100, 'ping-ms': 50, 'join-ms': 300, 'mqtt-failure-ms': 200,
               'mqtt-clean-ms': 300}}


def merged(into, more):
    for key, value in more.items():
        into[key] = merged(dict(into.get(key, {})), value) if isinstance(value, dict) else value
    return into


class Player:
    def __init__(self, folder, simulator, section, certificates):
        self.section, self.peers = section, Peers(certificates)
        self.heard, self.transcript, self.factory, self.echo = b'', [], False, False
        world = json.loads(json.dumps(WORLD))
        self.steps = []
        for step in section.steps:
            verb, _, rest = step.text.partition(' ')
            if step.kind == '!' and verb == 'world':
                merged(world, json.loads(rest))
            elif step.kind == '!' and verb == 'serve':
                kind, port, *options = rest.split()
                self.peers.serve(kind, int(port), options)
            elif step.kind == '!' and verb in ('factory', 'echo'):
                setattr(self, verb, True)
            else:
                self.steps.append(step)
        (folder / 'world.json').write_text(json.dumps(world))
        self.process = subprocess.Popen(
            [simulator, '--world', folder / 'world.json', '--link', folder / 'module', '--dialect', 'esp32-v4',
             '--nvs', folder / 'nvs.json', '--control', folder / 'control'], stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.control = Control(folder / 'control')
        self.port = os.open(folder / 'module', os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.port)
        self.set_rate(115200)

    def set_rate(self, rate):
        settings = termios.tcgetattr(self.port)
        settings[4] = settings[5] = getattr(termios, 'B%d' % rate)
        termios.tcsetattr(self.port, termios.TCSADRAIN, settings)

    def stop(self):
        os.close(self.port)
        self.process.terminate()
        self.process.wait(10)
        self.peers.close()

    # The port

    def pump(self, seconds):
        if self.peers.pump(self.port, seconds):
            data = os.read(self.port, 65536)
            self.transcript.append(('<', data))
            self.heard += data

    def until(self, done, what, limit=LIMIT):
        end = time.monotonic() + limit
        while not done():
            if time.monotonic() > end:
                raise Failure('%s did not come; heard %r' % (what, self.heard[-300:]))
            self.pump(0.02)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(left)

    def write(self, data):
        self.transcript.append(('>', data))
        while data:
            data = data[os.write(self.port, data[:1024]):]
            self.pump(0)

    def nothing(self, seconds):
        self.pause(seconds)
        if self.heard:
            raise Failure('the module should be silent, but said %r' % self.heard[:300])

    def expect(self, expected):
        """Reads just what is expected; masked, both sides may differ in length, so it is looked for piece by piece."""
        if expected.whole is None:
            try:
                self.until(lambda: len(self.heard) >= expected.length, 'a message of %d bytes' % expected.length, 4)
            except Failure:
                pass
            got, self.heard = self.heard[:expected.length], self.heard[expected.length:]
            if len(got) < expected.length or not (got.startswith(expected.head) and got.endswith(expected.tail)):
                raise Failure('expected %r, got %d bytes: %r … %r' % (expected, len(got), got[:120], got[-60:]))
            return
        wanted = recording.masked(expected.whole)

        def found():
            for size in self.candidates(len(expected.whole)):
                if recording.masked(self.heard[:size]) == wanted:
                    return size
            return None
        end = time.monotonic() + LIMIT
        while (size := found()) is None:
            # Wrong bytes need no waiting: the masked beginning must agree as far as it goes.
            if time.monotonic() > end or (len(self.heard) > len(expected.whole) + 40):
                raise Failure('expected %r, got %r' % (expected.whole, self.heard[:len(expected.whole) + 300]))
            self.pump(0.02)
        self.heard = self.heard[size:]

    def candidates(self, size):
        """Lengths to try: the same first, then what other ports, times and counters make of it."""
        return [size] + [n for n in range(max(1, size - 24), min(len(self.heard), size + 24) + 1) if n != size]

    # The recording

    def prepare(self):
        self.until(lambda: b'ready\r\n' in self.heard, 'ready')
        if self.factory:
            self.heard = b''
            return
        for command in ('ATE0', 'AT+CWMODE=1', 'AT+CWJAP="Espressif",""'):
            self.given(command)
        if self.echo:
            self.given('ATE1')

    def given(self, command):
        self.heard = b''
        self.write(command.encode() + b'\r\n')
        self.until(lambda: re.search(rb'\r\n(OK|ERROR)\r\n$|^OK\r\n$|>$', self.heard), 'the answer to ' + command)
        if b'ERROR' in self.heard:
            raise Failure('%s failed: %r' % (command, self.heard))
        self.heard = b''

    def play(self):
        self.prepare()
        for step in self.steps:
            try:
                if step.kind == '>':
                    data = recording.written(step.text)
                    if data == b'+++':
                        self.pause(0.06)
                    self.write(data)
                    if data == b'+++':
                        self.pause(0.06)
                elif step.kind == '<':
                    self.expect(recording.Expected(step.text))
                else:
                    self.act(step.text)
            except (Failure, OSError, AssertionError) as failure:
                raise Failure('line %d, "%s %s":\n    %s' % (step.number, step.kind, step.text[:100], failure)) from None
        self.nothing(0.1)

    def act(self, text):
        verb, _, rest = text.partition(' ')
        simple = {'given': self.given,
                  'heard': lambda r: self.expect(recording.Expected(r)),
                  'nothing': lambda r: self.nothing(int(r) / 1000),
                  'wait': lambda r: self.pause(int(r) / 1000),
                  'write': lambda r: self.write(recording.action_bytes(r)),
                  'rate': lambda r: self.set_rate(int(r)),
                  'order': lambda r: self.control.order(**json.loads(r)),
                  'asked': self.asked, 'fill': self.fill, 'payload': self.payload, 'connect': self.connect,
                  'refused': self.refused, 'told': self.told, 'delivers': self.delivers,
                  'takes-over': lambda r: self.peers.broker().take_over(r), 'certificate': self.certificate}
        if verb in simple:
            simple[verb](rest)
            return
        what, _, rest = rest.partition(' ')
        if what in ('deaf', 'listens', 'connects'):
            self.server(self.peers.listeners[int(verb)], what)
        else:
            self.peer(verb, what, rest)

    def server(self, listener, what):
        if what == 'deaf':
            listener.sock.close()
        elif what == 'listens':
            listener.listen()
        else:
            self.until(lambda: len(listener.connections) > listener.seen, 'a new connection')
        listener.seen = len(listener.connections)

    def peer(self, who, what, rest):
        port = who.partition('.')[0]
        if port.isdigit() and int(port) in self.peers.listeners:
            listener = self.peers.listeners[int(port)]
            index = int(who.partition('.')[2] or 0)
            self.until(lambda: len(listener.connections) > index, 'a connection to ' + who)
            listener.seen = len(listener.connections)
        elif port.isdigit() and int(port) in self.peers.datagrams:
            self.datagram(self.peers.datagrams[int(port)], what, rest)
            return
        peer = self.peers.named(who)
        if what == 'sends':
            peer.pending += recording.action_bytes(rest)
            peer.writable()
        elif what == 'got':
            wanted = recording.action_bytes(rest)
            self.until_equal(lambda: len(peer.received) >= len(wanted))
            got, peer.received = peer.received, b''
            if got != wanted:
                raise Failure('the far end got %d bytes, %r' % (len(got), got[:200]))
        elif what == 'then-got':
            wanted = recording.action_bytes(rest)
            self.until(lambda: peer.received.endswith(wanted), 'the far end\'s %r' % wanted)
            peer.received = b''
        elif what == 'ends':
            self.until(lambda: peer.ended, 'the end of the connection')
        elif what == 'drains':
            peer.reading = True
        else:
            {'closes': peer.close, 'resets': peer.reset, 'shuts': peer.shut}[what]()

    def until_equal(self, done):
        end = time.monotonic() + 3
        while not done() and time.monotonic() < end:
            self.pump(0.02)
        self.pump(0.02)

    def datagram(self, peer, what, rest):
        wanted = recording.action_bytes(rest)
        if what == 'sends':
            peer.sock.sendto(wanted, (MODULE, 5000))
        elif what == 'got':
            if wanted:
                self.until(lambda: peer.received, 'the datagram %r' % wanted)
            got = peer.received.pop(0) if peer.received else b''
            if got != wanted:
                raise Failure('the far end got %r' % got)

    def connect(self, rest):
        name, _, port = rest.partition(' ')
        self.peers.connect(name, int(port or 333))

    def refused(self, port):
        try:
            self.peers.connect('refused', int(port))
        except ConnectionRefusedError:
            return
        raise Failure('the module took a connection')

    def certificate(self, rest):
        name, size = rest.split()
        file = {'ca': 'authority.pem', 'cert': '%s.pem', 'key': '%s.key'}[name.split('_')[1]]
        data = (self.peers.certificates().folder / (file.replace('%s', name.split('_')[0]))).read_bytes()
        self.write(data.ljust(int(size), b'\n'))

    def told(self, rest):
        topic, qos, retained, payload = (rest + ' ').split(' ')[:4]
        got = self.peers.watcher.message()
        if got != (topic, int(qos), int(retained), bytes.fromhex(payload)):
            raise Failure('the other client got %r' % (got,))

    def delivers(self, rest):
        topic, qos, payload = (rest + ' ').split(' ', 2)
        self.peers.broker().publish(topic, recording.action_bytes(payload[:-1]), '-q', qos)

    def asked(self, rest):
        got, self.peers.names.asked = self.peers.names.asked, []
        if got != re.findall(r'\S[^/]*/\d+', rest):
            raise Failure('the DNS server was asked %r' % got)

    def fill(self, rest):
        link, size = rest.split()
        received = b'\r\nRecv %s bytes\r\n' % size.encode()
        for _ in range(200):
            self.write(b'AT+CIPSEND=%s,%s\r\n' % (link.encode(), size.encode()))
            self.expect(recording.Expected('\\r\\nOK\\r\\n\\r\\n>'))
            self.write(recording.pattern(int(size)))
            self.until(lambda: self.heard.startswith(received), 'Recv')
            answer = received + b'\r\nSEND OK\r\n'
            end = time.monotonic() + 0.7
            while self.heard != answer and time.monotonic() < end:
                self.pump(0.02)
            if self.heard != answer:
                return
            self.heard = b''
        raise Failure('the far end took everything')

    def payload(self, rest):
        link, _, wanted = rest.partition(' ')
        wanted, got = recording.action_bytes(wanted), b''
        while len(got) < len(wanted):
            head = re.compile(rb'\r\n\+IPD,%s,(\d+)(?:,"[^"]*",\d+)?:' % link.encode())
            self.until(lambda: head.match(self.heard), 'a report of link ' + link)
            match = head.match(self.heard)
            size = int(match[1])
            if not 1 <= size <= 2920:
                raise Failure('a report of %d bytes' % size)
            self.until(lambda: len(self.heard) >= match.end() + size + 2, 'all of a report')
            got += self.heard[match.end():match.end() + size]
            if self.heard[match.end() + size:match.end() + size + 2] != b'\r\n':
                raise Failure('no CR LF after a payload')
            self.heard = self.heard[match.end() + size + 2:]
        if got != wanted:
            raise Failure('%d bytes arrived, and not the right ones' % len(got))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('simulator')
    parser.add_argument('recordings', nargs='+', type=pathlib.Path)
    parser.add_argument('--only', action='append', help='play this section only')
    parser.add_argument('--verbose', action='store_true', help='show everything that was said in a section that fails')
    options = parser.parse_args()
    namespace.enter()
    namespace.add_addresses([HOST, MODULE, DNS])
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix='espat-recording-') as name:
        made = {}

        def certificates(whose='ours'):
            if whose not in made:
                folder = pathlib.Path(name) / whose
                folder.mkdir()
                made[whose] = Certificates(folder, since='250101000000Z')  # not yet valid while the module's clock is not set
            return made[whose]
        for section in (s for path in options.recordings for s in recording.read(path)):
            if options.only and section.name not in options.only:
                continue
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix='espat-recording-') as folder:
                player = Player(pathlib.Path(folder), options.simulator, section, certificates)
                try:
                    player.play()
                    passed += 1
                    print('passed %-60s %5.1f s' % (section.title[:60], time.monotonic() - started), flush=True)
                except Failure as failure:
                    failed += 1
                    print('FAILED %s\n  %s' % (section.title, failure), flush=True)
                    if options.verbose:
                        for direction, data in player.transcript:
                            print('   ', direction, repr(data)[2:-1])
                finally:
                    player.stop()
    print('%d sections passed, %d failed' % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    main()
