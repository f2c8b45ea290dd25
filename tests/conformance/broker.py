"""A real MQTT broker (mosquitto) as the far end of a module, and clients of it that watch and speak.

The clients use a listener of their own on the loopback device, without password and TLS, so that what the module has to do to get in
is nobody else's affair.
"""
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time

LIMIT = 10.0  # seconds that anything may take
SYSTEM = os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Watcher:
    """A client that has subscribed when this is made."""

    def __init__(self, port, topic, qos=2):
        # mosquitto_sub keeps its output back when it is not a terminal.
        self.process = subprocess.Popen(
            ['stdbuf', '-oL', 'mosquitto_sub', '-d', '-h', '127.0.0.1', '-p', str(port), '-t', topic, '-q', str(qos),
             '-F', 'message %t %q %r %x'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = b''
        while b'Subscribed' not in self.line():
            pass

    def line(self):
        end = time.monotonic() + LIMIT
        while b'\n' not in self.lines:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError('no message within %d s' % LIMIT)
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError('the watcher has ended: %r' % self.lines)
            self.lines += data
        line, self.lines = self.lines.split(b'\n', 1)
        return line

    def message(self):
        """(topic, QoS, retained, payload) of the next message."""
        while not (line := self.line()).startswith(b'message '):
            pass
        topic, qos, retained, payload = line.decode()[len('message '):].rsplit(' ', 3)
        return topic, int(qos), int(retained), bytes.fromhex(payload)

    def close(self):
        self.process.terminate()
        self.process.wait(LIMIT)
        self.process.stdout.close()


class Broker:
    """`user`: (name, password). `certificates`: the folder of far_end.Certificates, for TLS. The ports outlive stop()."""

    def __init__(self, address='127.0.0.1', port=None, user=None, certificates=None, verify=False, websockets=False):
        self.folder = tempfile.TemporaryDirectory(prefix='espat-broker-')
        self.address, self.port, self.own = address, port or free_port(), free_port()
        self.process, self.watchers = None, []
        path = lambda name: os.path.join(self.folder.name, name)  # noqa: E731
        lines = ['per_listener_settings true', 'user root',
                 'listener %d 127.0.0.1' % self.own, 'allow_anonymous true',
                 'listener %d %s' % (self.port, address), 'allow_anonymous %s' % ('false' if user else 'true')]
        if user:
            program = shutil.which('mosquitto_passwd', path=SYSTEM)
            subprocess.run([program, '-b', '-c', path('passwords'), *user], check=True, capture_output=True)
            lines.append('password_file ' + path('passwords'))
        if certificates:
            lines += ['cafile %s/authority.pem' % certificates, 'certfile %s/server.pem' % certificates,
                      'keyfile %s/server.key' % certificates, 'require_certificate %s' % ('true' if verify else 'false')]
        if websockets:
            lines.append('protocol websockets')
        with open(path('mosquitto.conf'), 'w') as file:
            file.write('\n'.join(lines) + '\n')
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [shutil.which('mosquitto', path=SYSTEM), '-c', os.path.join(self.folder.name, 'mosquitto.conf')],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + LIMIT
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket() as one, socket.socket() as other:
                if not one.connect_ex(('127.0.0.1', self.own)) and not other.connect_ex((self.address, self.port)):
                    return
            select.select([], [], [], 0.02)
        raise AssertionError('mosquitto did not start')

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)

    def close(self):
        for watcher in self.watchers:
            watcher.close()
        self.stop()
        self.folder.cleanup()

    def watch(self, topic, qos=2):
        self.watchers.append(Watcher(self.own, topic, qos))
        return self.watchers[-1]

    def publish(self, topic, payload, *options):
        subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(self.own), '-t', topic,
                        '-s' if payload else '-n', *options], input=payload,
                       check=True, timeout=LIMIT)

    def publish_lines(self, topic, lines):
        """Each as a message of its own, QoS 1, over one connection."""
        subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(self.own), '-t', topic, '-q', '1', '-l'],
                       input=b'\n'.join(lines) + b'\n', check=True, timeout=6 * LIMIT)

    def take_over(self, client_id):
        """Another client connects with this id: the broker ends the session of the first."""
        subprocess.run(['mosquitto_pub', '-h', '127.0.0.1', '-p', str(self.own), '-i', client_id, '-t', 'taken', '-n'],
                       check=True, timeout=LIMIT)
