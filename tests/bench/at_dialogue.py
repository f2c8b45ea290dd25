"""AT commands to the simulated module without the daemon: how fast a request is if nothing is between."""

import os
import select
import termios
import time
import tty

SPEEDS = {115200: termios.B115200, 921600: termios.B921600, 3000000: termios.B3000000}


class Module:
    def __init__(self, port, rate):
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._rate = rate

    def __enter__(self):
        tty.setraw(self._fd)
        self._set_rate(115200)
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def _set_rate(self, rate, flow_control=0):
        settings = termios.tcgetattr(self._fd)
        settings[2] = settings[2] & ~termios.CRTSCTS | flow_control
        settings[4] = settings[5] = SPEEDS[rate]
        termios.tcsetattr(self._fd, termios.TCSANOW, settings)

    def _read_until(self, is_whole, limit=20.0):
        text, deadline = b"", time.monotonic() + limit
        while not is_whole(text):
            ready, _, _ = select.select([self._fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise RuntimeError(f"within {limit:g} s the module said no more than {text!r}")
            text += os.read(self._fd, 4096)
        return text

    def _until(self, end, limit=20.0):
        return self._read_until(lambda text: end in text, limit)

    def _ask(self, command):
        os.write(self._fd, command.encode() + b"\r\n")
        return self._until(b"OK\r\n")

    def join_and_echo(self, access_point, host, size, count):
        """After a reset of the module: the time of each of `count` requests to the echo service, in seconds."""
        self._until(b"ready\r\n")
        for command in ("ATE0", "AT+CWMODE=1", "AT+SYSLOG=1", "AT+CIPMUX=1", "AT+CIPDINFO=1"):
            self._ask(command)
        if self._rate != 115200:
            self._ask(f"AT+UART_CUR={self._rate},8,1,0,3")
            self._set_rate(self._rate, termios.CRTSCTS)
        self._ask(f'AT+CWJAP="{access_point["ssid"]}","{access_point["psk"]}"')
        self._ask(f'AT+CIPSTART=4,"TCP","{host}",7')
        payload = bytes(size)
        for _ in range(count):
            begin = time.monotonic()
            os.write(self._fd, f"AT+CIPSEND=4,{size}\r\n".encode())
            self._until(b">")
            os.write(self._fd, payload)
            self._read_until(lambda text: b"SEND OK" in text and text.count(b"\0") == size)
            yield time.monotonic() - begin
