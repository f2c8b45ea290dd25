"""The module as the dialogue runner sees it: a serial port to write to, and one stream of bytes to match against."""
import os
import re
import select
import termios
import time
import tty

from far_end import Failure

ALWAYS = [re.compile(p) for p in (r'WIFI GOT IPv6 LL', r'WIFI GOT IPv6 GL')]  # FORMAT.md "Accepted at any time"
SETTLE = 0.3  # seconds of silence after which a line without a line end counts as whole


class ModulePort:
    def __init__(self, path, between):
        """`between` is called again and again while this waits, so that the far end can act."""
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.descriptor)
        settings = termios.tcgetattr(self.descriptor)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self.descriptor, termios.TCSANOW, settings)
        self.between = between
        self.buffer = b''
        self.echo = []
        self.transcript = []

    def close(self):
        os.close(self.descriptor)

    def write(self, data):
        self.transcript.append(('>', data))
        while data:
            data = data[os.write(self.descriptor, data):]

    def command(self, text):
        self.echo.append(text.encode())
        self.write(text.encode() + b'\r\n')

    def _more(self, limit, what):
        """Reads once. False after a while of silence; an error past the limit."""
        self.between()
        if select.select([self.descriptor], [], [], 0.05)[0]:
            data = os.read(self.descriptor, 65536)
            self.transcript.append(('<', data))
            self.buffer += data
            self.heard = time.monotonic()
            return True
        if time.monotonic() > limit:
            raise Failure('%s did not come; unread: %r' % (what, self.buffer))
        return time.monotonic() - self.heard < SETTLE

    def _skip_blank(self):
        self.buffer = self.buffer.lstrip(b'\r\n')

    def line(self, pattern, is_open, may, seconds):
        """The next line that matches; lines that may come anywhere are passed over. Returns the match."""
        limit = time.monotonic() + seconds
        self.heard = time.monotonic()
        while True:
            self._skip_blank()
            if is_open:
                match = pattern.match(self.buffer.decode('latin-1'))
                if match:
                    self.buffer = self.buffer[match.end():]
                    return match
            end = self.buffer.find(b'\r\n')
            if end >= 0:
                raw, rest = self.buffer[:end], self.buffer[end + 2:]
            elif self.buffer and not self._more(limit, 'the line ' + pattern.pattern):
                raw, rest = self.buffer, b''  # counted data need not be followed by a line end
            else:
                if not self.buffer:
                    self._more(limit, 'the line ' + pattern.pattern)
                continue
            text = raw.decode('utf-8', 'replace')
            match = pattern.fullmatch(text)
            if match:
                self.buffer = rest
                return match
            if end < 0:
                self._more(limit, 'the rest of the line %r' % raw)
                continue
            if raw in self.echo:
                self.echo.remove(raw)
            elif not any(p.fullmatch(text) for p in [*may, *ALWAYS]):
                raise Failure('expected %s, the module sent %r' % (pattern.pattern, raw))
            self.buffer = rest

    def prompt(self, ok_may_come, seconds):
        limit = time.monotonic() + seconds
        self.heard = time.monotonic()
        while True:
            self._skip_blank()
            if self.buffer.startswith(b'>'):
                self.buffer = self.buffer[1:].removeprefix(b' ')
                return
            end = self.buffer.find(b'\r\n')
            if end >= 0:
                raw, self.buffer = self.buffer[:end], self.buffer[end + 2:]
                if raw in self.echo:
                    self.echo.remove(raw)
                elif not (raw == b'OK' and ok_may_come):
                    raise Failure('expected the prompt, the module sent %r' % raw)
                continue
            self._more(limit, 'the prompt')

    def count(self, n, seconds):
        limit = time.monotonic() + seconds
        self.heard = time.monotonic()
        while len(self.buffer) < n:
            self._more(limit, '%d bytes' % n)
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def nothing_more(self, may):
        """Whatever follows the dialogue is an error as well."""
        end = time.monotonic() + 0.3
        self.heard = time.monotonic()
        while time.monotonic() < end:
            self.between()
            if select.select([self.descriptor], [], [], 0.05)[0]:
                data = os.read(self.descriptor, 65536)
                self.transcript.append(('<', data))
                self.buffer += data
        for raw in filter(None, self.buffer.split(b'\r\n')):
            if not any(p.fullmatch(raw.decode('utf-8', 'replace')) for p in [*may, *ALWAYS]):
                raise Failure('after the end of the dialogue the module sent %r' % raw)
