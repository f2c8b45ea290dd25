"""The line in time: its rate, its losses, its garbage."""

import threading
import time
import unittest

from module import Module, listen


class Line(unittest.TestCase):
    def setUp(self):
        self.module = Module().ready().join()
        self.addCleanup(self.module.close)

    def download(self, size, rate):
        server, port = listen()
        self.module.ask(f'AT+CIPSTART="TCP","127.0.0.1",{port}')
        peer, _ = server.accept()
        started = time.monotonic()
        sender = threading.Thread(target=lambda: (peer.sendall(b"d" * size), peer.close()))
        sender.start()
        got = b""
        while not got.endswith(b"CLOSED\r\n"):
            got += self.module.quiet(0.002)
        took = time.monotonic() - started
        sender.join()
        server.close()
        self.assertEqual(got.count(b"d"), size)
        return len(got) * 10 / took / rate

    def test_a_download_fills_the_line_and_no_more(self):
        self.assertTrue(0.95 < self.download(12000, 115200) < 1.03)

    def test_a_rate_is_changed_after_the_answer_and_the_new_one_is_filled_too(self):
        self.assertEqual(self.module.ask("AT+UART_CUR=921600,8,1,0,3"), b"\r\nOK\r\n")
        self.module.set_rate(921600, flow_control=True)
        self.assertEqual(self.module.ask("AT"), b"\r\nOK\r\n")
        self.assertTrue(0.93 < self.download(92160, 921600) < 1.03)

    def test_two_rates_give_garbage(self):
        self.module.set_rate(230400)
        self.module.write(b"AT\r\n")
        self.assertNotIn(b"OK", self.module.quiet())
        self.assertEqual(self.module.order(do="counters")["garbled-in"], 4)

    def test_faults_drop_bytes(self):
        self.module.order(fault="drop-out", count=2)
        self.assertEqual(self.module.ask("AT"), b"OK\r\n")

    def test_idle_costs_nothing(self):
        def cpu():
            with open(f"/proc/{self.module.process.pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        def switches():
            with open(f"/proc/{self.module.process.pid}/status") as status:
                return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)

        before, slept = cpu(), switches()
        time.sleep(1.5)
        self.assertEqual(cpu(), before)
        self.assertLessEqual(switches() - slept, 3)


if __name__ == "__main__":
    unittest.main()
