"""The far ends of a recording: TCP, TLS and UDP servers, clients of the module's server, a DNS server.

Nothing runs by itself: the player's one select() covers the module's port and every socket here, so what happens first is
told by the recording and not by a scheduler.
"""
import select
import socket
import ssl
import struct

from broker import Broker
from far_end import Failure
from recording import pattern

HOST, MODULE, DNS = '192.168.4.2', '192.168.4.15', '192.168.4.3'


class Connection:
    def __init__(self, sock, echo=False):
        self.sock, self.echo = sock, echo
        self.received, self.pending = b'', b''
        self.reading, self.ended, self.open = True, False, True
        self.shut_when_sent = False
        sock.setblocking(False)

    def readable(self):
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    self.ended = True
                    return
                if self.echo:
                    self.pending += data
                else:
                    self.received += data
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.ended = True

    def writable(self):
        try:
            while self.pending:
                self.pending = self.pending[self.sock.send(self.pending):]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError:
            self.pending = b''
        if self.shut_when_sent and self.open:
            self.close()

    def close(self):
        if self.pending:
            self.shut_when_sent = True
            return
        self.open = False
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.unwrap()
            except OSError:
                pass
        self.sock.close()

    def reset(self):
        self.open = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def shut(self):
        self.sock.shutdown(socket.SHUT_WR)


class Listener:
    """A server of the far end. kind: tcp or tls; options: echo, narrow, reset, greets, tls1.3, http/1.1."""

    def __init__(self, port, options, context):
        self.port, self.options, self.context = port, options, context
        self.connections, self.seen = [], 0
        self.listen()

    def listen(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if 'narrow' in self.options:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.bind((HOST, self.port))
        self.sock.listen(16)

    def accept(self):
        sock, _ = self.sock.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            sock.settimeout(5)
            try:
                sock = self.context.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        connection = Connection(sock, 'echo' in self.options)
        connection.reading = 'narrow' not in self.options
        self.connections.append(connection)
        if 'reset' in self.options:
            connection.reset()
        if 'greets' in self.options:
            connection.pending = pattern(9000)
            connection.close()


class Datagrams:
    """A UDP peer: echoes, or keeps what it gets."""

    def __init__(self, port, echo):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((HOST, port))
        self.echo, self.received = echo, []

    def readable(self):
        data, sender = self.sock.recvfrom(65536)
        if self.echo:
            self.sock.sendto(data, sender)
        else:
            self.received.append(data)


class NameServer:
    """Answers as the recorder's did; names that begin with "silent" get no answer."""

    A = {'host.test': [HOST], 'two.test': [HOST, '192.168.4.3']}
    AAAA = {'six.test': ['2001:db8::1']}

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((DNS, 53))
        self.asked = []

    def readable(self):
        query, sender = self.sock.recvfrom(2048)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack('>H', query[at + 1:at + 3])
        name = '.'.join(labels)
        self.asked.append('%s/%d' % (name, kind))
        if name.startswith('silent'):
            return
        known = name.lower() in self.A or name.lower() in self.AAAA
        code = 2 if name == 'servfail.test' else 0 if known else 3
        addresses = (self.A if kind == 1 else self.AAAA if kind == 28 else {}).get(name.lower(), [])
        answer = query[:2] + struct.pack('>HHHHH', 0x8180 | code, 1, len(addresses), 0, 0) + query[12:at + 5]
        for address in addresses:
            packed = socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, address)
            answer += struct.pack('>HHHIH', 0xc00c, kind, 1, 3600, len(packed)) + packed
        self.sock.sendto(answer, sender)


class Peers:
    def __init__(self, certificates):
        self.certificates = certificates  # a function: only sections with TLS pay for them
        self.listeners, self.datagrams, self.clients = {}, {}, {}
        self.names = NameServer()
        self.brokers, self.watcher = [], None

    def serve(self, kind, port, options):
        context = None
        if kind == 'tls':
            context = self.certificates('stranger' if 'stranger' in options else 'ours').context(True, 'asks' in options)
            context.minimum_version = ssl.TLSVersion.TLSv1_3 if 'tls1.3' in options else ssl.TLSVersion.TLSv1_2
            if 'http/1.1' in options:
                context.set_alpn_protocols(['http/1.1'])
        if kind == 'mqtt':
            self.brokers.append(Broker(HOST, port, user=options or None))
            self.watcher = self.watcher or self.broker().watch('out/#', 1)
        elif kind == 'udp':
            self.datagrams[port] = Datagrams(port, 'echo' in options)
        else:
            self.listeners[port] = Listener(port, options, context)

    def broker(self):
        """The one that another client speaks with."""
        return self.brokers[0]

    def connect(self, name, port):
        sock = socket.socket()
        sock.bind((HOST, 0))
        sock.settimeout(2)
        sock.connect((MODULE, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients[name] = Connection(sock)

    def named(self, who):
        """"7201": the last connection to that port; "7201.0": its first; "c1": a client of the module."""
        if who in self.clients:
            return self.clients[who]
        port, _, index = who.partition('.')
        if int(port) in self.datagrams:
            return self.datagrams[int(port)]
        connections = self.listeners[int(port)].connections
        if not connections:
            raise Failure('nothing has connected to port ' + port)
        return connections[int(index) if index else -1]

    def all_connections(self):
        return [c for listener in self.listeners.values() for c in listener.connections] + list(self.clients.values())

    def pump(self, also, seconds):
        """One round of select() over everything; True if `also` (a descriptor) can be read."""
        readers = {also: None, self.names.sock: self.names.readable}
        writers = {}
        for listener in self.listeners.values():
            if listener.sock.fileno() >= 0:
                readers[listener.sock] = listener.accept
        for peer in self.datagrams.values():
            readers[peer.sock] = peer.readable
        for connection in self.all_connections():
            if not connection.open or connection.sock.fileno() < 0:
                continue
            if connection.reading and not connection.ended:
                readers[connection.sock] = connection.readable
            if connection.pending:
                writers[connection.sock] = connection.writable
        ready, sendable, _ = select.select(list(readers), list(writers), [], seconds)
        for sock in sendable:
            writers[sock]()
        for sock in ready:
            if sock != also:
                readers[sock]()
        return also in ready

    def close(self):
        for holder in [self.names, *self.listeners.values(), *self.datagrams.values(), *self.all_connections()]:
            holder.sock.close()
        for broker in self.brokers:
            broker.close()
