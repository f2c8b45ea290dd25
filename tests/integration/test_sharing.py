#!/usr/bin/python3
"""Several programs share five links: nobody is forgotten, nobody stops the others."""

import concurrent.futures
import hashlib
import socket
import time

import far_world
import harness


class Sharing(harness.GatewayTest):
    def test_fifty_connections_at_once_all_get_their_answer(self):
        def fetch(number):
            data = self.gateway.fetch(f"/bytes/{1000 + number}", "--max-time", "110", timeout=120)
            return data == far_world.pattern(1000 + number)

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            self.assertEqual(list(pool.map(fetch, range(50))), [True] * 50)

    def test_a_program_that_stops_reading_does_not_stop_another(self):
        with socket.create_connection((harness.WEB, 19), timeout=20) as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.recv(1)  # and no more for a while
            time.sleep(2)
            begin = time.monotonic()
            data = self.gateway.fetch("/bytes/200000", timeout=60)
            seconds = time.monotonic() - begin
            self.assertEqual(data, far_world.pattern(200000))
            # 92 kB/s; four times that long would mean that the reader was waiting behind the idle one.
            self.assertLess(seconds, 4 * 200000 / 92160)
            # When it reads again, its stream goes on where it stopped.
            received = b""
            idle.settimeout(20)
            while len(received) < 100000:
                received += idle.recv(65536)
            self.assertEqual(received[:65535], far_world.pattern(65536)[1:])

    def test_a_server_that_stops_reading_gets_everything_in_the_end(self):
        data = far_world.pattern(100000)
        request = b"%d\n" % len(data) + data
        answer = self.gateway.run("nc", "-N", "-w", "40", harness.WEB, "5002", input=request, text=False, timeout=90).stdout
        # The module has no half-close: the far end does not see ours, but the link stays for its answer.
        self.assertEqual(answer.decode().split(), [str(len(data)), hashlib.sha256(data).hexdigest()])

    def test_links_and_waiters_are_shown(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            downloads = [pool.submit(self.gateway.fetch, "/bytes/40000", timeout=60) for _ in range(8)]
            links = harness.wait_for(lambda: self.gateway.espatctl_json("links"), "links are in use")
            self.assertTrue(any(link.get("remote", "").startswith(harness.WEB) for link in links if link.get("remote")), links)
            for download in downloads:
                self.assertEqual(download.result(), far_world.pattern(40000))


if __name__ == "__main__":
    harness.main()
