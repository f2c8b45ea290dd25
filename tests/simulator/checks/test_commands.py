"""Line discipline, errors and settings, byte for byte as measured (sections A, I, K of measured-esp32-v4.1.0.0-dev.md)."""

import unittest

from module import Module

# Written by the host, answered by the module; echo off, SYSLOG=1, station mode (A.7 to A.10, K.1, K.6).
DIALOGUE = [
    (b"AT+FOO\r\n", b"ERR CODE:0x01090000\r\n\r\nERROR\r\n"),
    (b"AT+FOO=?\r\n", b"ERR CODE:0x01090000\r\n\r\nERROR\r\n"),
    (b"XYZ\r\n", b"ERR CODE:0x01030000\r\n\r\nERROR\r\n"),
    (b"\r\n", b"ERR CODE:0x01030000\r\n\r\nERROR\r\n"),
    (b"AT+\r\n", b"ERR CODE:0x01090000\r\n\r\nERROR\r\n"),
    (b"AT+CIPSTART=?\r\n", b"\r\nERROR\r\n"),
    (b"AT+CIPMUX=\r\n", b"\r\nERROR\r\n"),
    (b'AT+CIPMUX="1"\r\n', b"ERR CODE:0x01080000\r\n\r\nERROR\r\n"),
    (b"AT+CIPMUX=1,2\r\n", b"\r\nERROR\r\n"),
    (b"AT+CIPMUX=-1\r\n", b"\r\nERROR\r\n"),
    (b"AT+CIPMUX=1 \r\n", b"ERR CODE:0x01080000\r\n\r\nERROR\r\n"),
    (b"at+cipmux=01\r\n", b"\r\nOK\r\n"),
    (b"AT+CIPMUX?\r\n", b"+CIPMUX:1\r\n\r\nOK\r\n"),
    (b'AT+CWJAP="a"\r\n', b"ERR CODE:0x01080001\r\n\r\nERROR\r\n"),
    (b'AT+CWLAP="\r\n', b"\r\nERROR\r\n"),
    (b'AT+CWHOSTNAME="a\\"b"\r\n', b"\r\nOK\r\n"),
    (b"AT+CWHOSTNAME?\r\n", b'+CWHOSTNAME:a"b\r\n\r\nOK\r\n'),
    (b'AT+CWHOSTNAME="a,b"\r\n', b"\r\nERROR\r\n"),
    (b'AT+CWHOSTNAME="a\\,b"\r\n', b"\r\nOK\r\n"),
    (b'AT+CWHOSTNAME="ab\\"\r\n', b"ERR CODE:0x01080000\r\n\r\nERROR\r\n"),
    (b'AT+CWHOSTNAME="a"b"\r\n', b"ERR CODE:0x01080000\r\n\r\nERROR\r\n"),
    (b"AT+CWHOSTNAME?\r\n", b"+CWHOSTNAME:a,b\r\n\r\nOK\r\n"),
    (b"AT+SYSMSG?\r\n", b"+SYSMSG:0\r\nOK\r\n"),
    (b"AT+CIPDINFO?\r\n", b"+CIPDINFO:false\r\nOK\r\n"),
    (b"AT+UART_CUR?\r\n", b"+UART_CUR:115201,8,1,0,1\r\n\r\nOK\r\n"),
    (b"AT+UART_CUR=115200,8,1,0\r\n", b"ERR CODE:0x01080004\r\n\r\nERROR\r\n"),
    (b"AT+CIPRECVTYPE?\r\n", b"".join(b"+CIPRECVTYPE:%d,0\r\n" % i for i in range(5)) + b"\r\nOK\r\n"),
    (b"AT+CWDHCP?\r\n", b"+CWDHCP:3\r\nOK\r\n"),
    (b"A" * 254 + b"\r\n", b"ERR CODE:0x01030000\r\n\r\nERROR\r\n"),
    (b'AT+CWHOSTNAME="' + b"a" * 238 + b'"\r\n', b"\r\nERROR\r\n"),
    (b'AT+CWHOSTNAME="' + b"a" * 239 + b'"\r\n', b"ERR CODE:0x01030000\r\n\r\nERROR\r\n"),
    (b"B" * 3000 + b"\r\n", b"ERR CODE:0x01030000\r\n\r\nERROR\r\n"),
    (b"AT\r\n", b"\r\nOK\r\n"),
]


class Commands(unittest.TestCase):
    def setUp(self):
        self.module = Module()
        self.addCleanup(self.module.close)

    def test_echo_is_byte_for_byte_and_only_cr_lf_ends_a_line(self):
        module = self.module
        module.until(b"\r\nready\r\n")
        self.assertEqual(module.ask("aT+cipmux?"), b"aT+cipmux?\r\n+CIPMUX:0\r\n\r\nOK\r\n")
        module.write(b"AT\n")
        self.assertEqual(module.quiet(), b"AT\n")
        self.assertEqual(module.ask(b"\r\n"), b"\r\n\r\nERROR\r\n")
        module.write(b"AT\r")
        self.assertEqual(module.quiet(), b"AT\r")
        self.assertEqual(module.ask(b"\n"), b"\n\r\nOK\r\n")

    def test_answers_are_the_measured_ones(self):
        module = self.module.ready()
        module.ask("AT+CWMODE=1")
        module.ask("AT+SYSLOG=1")
        for command, answer in DIALOGUE:
            with self.subTest(command=command[:40]):
                self.assertEqual(module.ask(command), answer)

    def test_a_command_while_another_runs_is_busy(self):
        module = self.module.ready().join()
        module.write(b'AT+PING="127.0.0.9"\r\n')
        self.assertEqual(module.quiet(0.05), b"")
        module.write(b"AT\r\n")
        self.assertEqual(module.until(b"ERROR\r\n"), b"\r\nbusy p...\r\n+PING:TIMEOUT\r\n\r\nERROR\r\n")

    def test_settings_survive_a_restart_only_if_they_are_stored(self):
        module = self.module.ready().join()
        module.ask("AT+SYSSTORE=0")
        module.ask("AT+SYSMSG=2")
        self.assertEqual(module.ask("AT+RST"), b"\r\nOK\r\n")
        boot = module.until(b"WIFI GOT IP\r\n")
        self.assertEqual(boot, b"WIFI DISCONNECT\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n")
        module.ready()
        self.assertEqual(module.ask("AT+SYSMSG?"), b"+SYSMSG:0\r\nOK\r\n")
        self.assertEqual(module.ask("AT+CWSTATE?"), b'+CWSTATE:2,"home"\r\n\r\nOK\r\n')
        self.assertEqual(module.ask("AT+RESTORE"), b"\r\nOK\r\n")
        module.ready()
        self.assertEqual(module.ask("AT+CWMODE?"), b"+CWMODE:2\r\n\r\nOK\r\n")

    def test_terminating_removes_the_link(self):
        other = Module()
        self.assertEqual(other.close(), (0, False))


if __name__ == "__main__":
    unittest.main()
