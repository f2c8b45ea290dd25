"""The world around the module in a dialogue: servers, peers and clients on real sockets.

Everything runs in one network namespace (see namespace.py): the addresses that a dialogue names are put on the loopback device,
the simulator binds the module's address and this file binds the others.
"""
import re
import select
import socket
import ssl
import subprocess
import time

TIME_LIMIT = 10.0  # seconds that anything in a dialogue may take to reach the far end
LONGEST_KEY = 1704  # bytes of a private key of RSA 2048 in PEM form, as written in the recordings


class Failure(Exception):
    """The module did not do what the dialogue says."""


AUTHORITY = """[ca]
default_ca = authority
[authority]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any_name
[any_name]
commonName = supplied
[of_authority]
basicConstraints = critical, CA:TRUE
[of_other]
basicConstraints = CA:FALSE
"""


class Certificates:
    """One authority, made anew for each run; it signs a server's and a client's certificate.

    In a dialogue they are valid since 1970: a module whose clock nobody has set checks them against that year (measured,
    no. 32), and dialogue 4.2.8 never sets it.
    """

    def __init__(self, folder, since='700101000000Z', server='host.test'):
        self.folder = folder
        self.authority = folder / 'authority.pem'
        (folder / 'authority.conf').write_text(AUTHORITY)
        (folder / 'index').touch()
        (folder / 'serial').write_text('01')
        for name, common_name in (('authority', 'authority'), ('server', server), ('client', 'espat-module')):
            while True:  # some keys are encoded in four characters more than the recordings announce
                self._run('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=' + common_name,
                          '-keyout', name + '.key', '-out', name + '.csr')
                if (folder / (name + '.key')).stat().st_size <= LONGEST_KEY:
                    break
            signer = ['-selfsign'] if name == 'authority' else ['-cert', 'authority.pem']
            self._run('ca', '-batch', '-notext', '-config', 'authority.conf', *signer, '-keyfile', 'authority.key',
                      '-extensions', 'of_authority' if name == 'authority' else 'of_other',
                      '-startdate', since, '-enddate', '20991231235959Z', '-in', name + '.csr', '-out', name + '.pem')

    def _run(self, *arguments):
        subprocess.run(['openssl', *arguments], check=True, capture_output=True, cwd=self.folder)

    def context(self, server, verify):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        context.load_verify_locations(self.authority)
        name = 'server' if server else 'client'
        context.load_cert_chain(self.folder / (name + '.pem'), self.folder / (name + '.key'))
        return context


class Stream:
    """One TCP or TLS connection with the module."""

    def __init__(self, sock):
        self.sock = sock
        self.received = b''

    def send(self, data):
        self.sock.sendall(data)

    def expect(self, wanted):
        limit = time.monotonic() + TIME_LIMIT
        self.sock.settimeout(0.1)
        while len(self.received) < len(wanted):
            try:
                data = self.sock.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                data = None
            if data == b'' or time.monotonic() > limit:
                break
            self.received += data or b''
        got, self.received = self.received, b''
        if got != wanted:
            raise Failure('the far end received %r, not %r' % (got, wanted))


class Datagrams:
    """A UDP peer: answers go to whoever spoke last."""

    def __init__(self, address, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.module = None

    def send(self, data):
        if self.module is None:
            raise Failure('the peer cannot send: the module has not spoken to it yet')
        self.sock.sendto(data, self.module)

    def expect(self, wanted):
        self.sock.settimeout(TIME_LIMIT)
        try:
            got, self.module = self.sock.recvfrom(65536)
        except socket.timeout:
            raise Failure('the peer received nothing, not %r' % wanted) from None
        if got != wanted:
            raise Failure('the peer received %r, not %r' % (got, wanted))


class FarEnd:
    """Every peer of one dialogue, by end point as FORMAT.md writes it."""

    def __init__(self, dialogue, certificates):
        self.certificates = certificates
        self.listeners = {}
        self.peers = {}
        for need in dialogue.head['needs']:
            match = re.match(r'(TCP|SSL) server ([\d.]+):(\d+)(.*)', need)
            if match:
                kind, address, port, rest = match.groups()
                listener = socket.create_server((address, int(port)), reuse_port=False)
                self.listeners['%s:%s:%s' % (kind.lower(), address, port)] = (listener, 'verify=client' in rest)
            match = re.match(r'UDP peer ([\d.]+):(\d+)', need)
            if match:
                self.peers['udp:%s:%s' % match.groups()] = Datagrams(match.group(1), int(match.group(2)))

    def accept_waiting(self):
        """Takes connections of the module as they come, so that a TLS handshake never waits for the dialogue."""
        for endpoint, (listener, verify) in self.listeners.items():
            while select.select([listener], [], [], 0)[0]:
                sock, _ = listener.accept()
                if endpoint.startswith('ssl:'):
                    sock.settimeout(TIME_LIMIT)
                    sock = self.certificates.context(True, verify).wrap_socket(sock, server_side=True)
                self.peers[endpoint] = Stream(sock)

    def connect(self, endpoint, link, source):
        kind, address, port = endpoint.split(':')
        sock = socket.create_connection((address, int(port)), TIME_LIMIT, (source, 0) if source else None)
        if kind == 'ssl':
            sock = self.certificates.context(False, False).wrap_socket(sock)
        self.peers['link:%s' % (link if link is not None else 0)] = Stream(sock)

    def peer(self, endpoint):
        self.accept_waiting()
        if endpoint not in self.peers:
            raise Failure('nothing is connected to ' + endpoint)
        return self.peers[endpoint]
