#!/usr/bin/python3
"""Streams that do not use esp0: espatctl stream as people use nc, and descriptors that a program gets over D-Bus."""

import os
import signal
import subprocess
import threading

import far_world
import harness

PATH = "/org/espat1/module/esp0"

# A program of its own, because a bus connection belongs to one environment. It gets a stream and does as it is told.
CLIENT = """
import os, socket, sys
import dbus
bus = dbus.SystemBus()
network = dbus.Interface(bus.get_object('org.espat1', '/org/espat1/module/esp0'), 'org.espat1.Network')
def open_stream(kind, host, port):
    descriptor = network.OpenStream(kind, host, dbus.UInt16(port), dbus.Dictionary({}, signature='sv'), timeout=60).take()
    return socket.socket(fileno=descriptor)
def read_all(stream):
    data = b''
    try:
        while block := stream.recv(65536):
            data += block
    except ConnectionResetError:
        return data, 'reset'
    return data, 'end'
"""


class Streams(harness.GatewayTest):
    def stream(self, *arguments, **options):
        return self.gateway.espatctl("stream", *arguments, text=False, **options)

    def python(self, script, *arguments, **options):
        return self.gateway.run("/usr/bin/python3", "-c", CLIENT + script, *arguments, **options)

    def wait_until_no_link_is_left(self):
        links = lambda: [link for link in self.gateway.espatctl_json("links") if not link["proto"].startswith("udp")]
        harness.wait_for(lambda: not links(), "all links are closed", 60)

    def test_a_page_by_name_with_an_end_when_the_server_closes(self):
        result = self.stream("www.espat.example", "80", input=b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n", check=False)
        self.assertTrue(result.stdout.endswith(far_world.PAGE), result)

    def test_everything_comes_and_then_the_end(self):
        result = self.stream(harness.WEB, "5006", input=b"300000\n", timeout=120)
        self.assertEqual(result.stdout, far_world.pattern(300000))
        self.wait_until_no_link_is_left()

    def test_an_echo_of_several_hundred_kilobytes_with_a_reader_that_pauses(self):
        data = far_world.pattern(400000)
        source = self.gateway.directory / "source"
        source.write_bytes(data)
        command = f"{harness.program('ESPATCTL')} stream {harness.WEB} 7 < {source} | (sleep 5; head -c {len(data)})"
        result = self.gateway.run("sh", "-c", command, text=False, timeout=180)
        self.assertEqual(result.stdout, data)
        self.wait_until_no_link_is_left()

    def test_the_end_of_input_leaves_the_stream_open_for_the_answer(self):
        data = far_world.pattern(50000)
        result = self.stream(harness.WEB, "5001", input=b"50000\n" + data, timeout=90)
        self.assertTrue(result.stdout.startswith(b"50000 "), result)

    def test_a_refused_port_and_an_unknown_name_are_told_apart_by_sentence_and_status(self):
        refused = self.gateway.espatctl("stream", harness.WEB, "9", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("refused", refused.stderr)
        unknown = self.gateway.espatctl("stream", "nobody.espat.example", "80", check=False)
        self.assertEqual(unknown.returncode, 3, unknown.stderr)
        usage = self.gateway.espatctl("stream", harness.WEB, "0", check=False)
        self.assertEqual(usage.returncode, 2, usage.stderr)

    def test_an_interrupt_ends_the_program_and_its_link(self):
        process = self.gateway.spawn("endless", harness.program("ESPATCTL"), "stream", harness.WEB, "19", stdin=subprocess.PIPE)
        harness.wait_for(lambda: process.log.stat().st_size > 10000, "data comes")
        process.popen.send_signal(signal.SIGINT)
        self.assertEqual(process.popen.wait(10), -signal.SIGINT)
        self.wait_until_no_link_is_left()

    def test_a_reader_that_stops_makes_the_link_passive_and_nothing_is_lost(self):
        process = self.gateway.spawn(
            "slow", harness.program("ESPATCTL"), "stream", harness.WEB, "5006", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        process.popen.stdin.write(b"300000\n")
        process.popen.stdin.flush()
        modes = lambda: [link["mode"] for link in self.gateway.espatctl_json("links") if link["remote"] == f"{harness.WEB}:5006"]
        harness.wait_for(lambda: "passive" in modes(), "the link is passive", 60)
        self.assertEqual(process.popen.stdout.read(), far_world.pattern(300000))
        self.assertEqual(process.popen.wait(60), 0)
        process.popen.stdin.close()

    def test_datagrams_are_echoed_one_by_one(self):
        script = (
            "stream = open_stream('udp', sys.argv[1], 7)\n"
            "for size in (1, 100, 1200, 1400):\n"
            "    stream.send(bytes([size % 256]) * size)\n"
            "    assert stream.recv(4096) == bytes([size % 256]) * size, size\n"
        )
        self.python(script, harness.WEB)

    def test_a_line_of_input_is_a_datagram(self):
        process = self.gateway.spawn(
            "udp", harness.program("ESPATCTL"), "stream", "--udp", harness.WEB, "7", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for line in (b"one\n", b"two\n"):
            process.popen.stdin.write(line)
            process.popen.stdin.flush()
            self.assertEqual(process.popen.stdout.read1(100), line)
        process.popen.terminate()
        process.popen.wait(10)
        process.popen.stdin.close()

    def test_a_program_sees_a_clean_end_after_all_data(self):
        script = (
            "stream = open_stream('tcp', sys.argv[1], 5006)\n"
            "stream.send(b'20000\\n')\n"
            "data, end = read_all(stream)\n"
            "print(len(data), end)\n"
        )
        self.assertEqual(self.python(script, harness.WEB).stdout, "20000 end\n")

    def test_a_program_that_only_reads_sees_a_lost_module_as_an_error(self):
        script = (
            "stream = open_stream('tcp', sys.argv[1], 19)\n"
            "first = stream.recv(1000)\n"
            "print('open', flush=True)\n"
            "data, end = read_all(stream)\n"
            "print(len(first) > 0, end)\n"
        )
        process = self.gateway.spawn("reader", "/usr/bin/python3", "-c", CLIENT + script, harness.WEB, stdout=subprocess.PIPE)
        self.assertEqual(process.wait_for_line(60), "open")
        self.gateway.module.control(do="reset")
        self.assertEqual(process.popen.stdout.read(), b"True reset\n")
        # The address may be there still although the module has gone: what tells is a stream that opens.
        opens = lambda: self.stream(harness.WEB, "5006", input=b"1\n", check=False).returncode == 0
        harness.wait_for(opens, "the module is back", 60)

    def test_espatctl_says_that_a_stream_broke(self):
        process = self.gateway.spawn(
            "broken", harness.program("ESPATCTL"), "stream", harness.WEB, "19", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        process.popen.stdout.read(1000)
        drain = threading.Thread(target=process.popen.stdout.read)
        drain.start()
        self.gateway.espatctl("disconnect")
        self.assertEqual(process.popen.wait(60), 1)
        drain.join()
        process.popen.stdin.close()
        self.assertIn("broke", process.text())
        refused = self.gateway.espatctl("stream", harness.WEB, "80", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("not joined", refused.stderr)
        self.gateway.join()

    def test_a_stream_without_a_free_link_waits_like_everybody_and_can_be_seen(self):
        script = (
            "streams = [open_stream('tcp', sys.argv[1], 7) for i in range(4)]\n"
            "print('open', flush=True)\n"
            "sys.stdin.readline()\n"
        )
        holder = self.gateway.spawn(
            "holder", "/usr/bin/python3", "-c", CLIENT + script, harness.WEB, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.assertEqual(holder.wait_for_line(60), "open")
        waiting = self.gateway.spawn(
            "waiting", harness.program("ESPATCTL"), "stream", harness.WEB, "5006", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        remote = f"{harness.WEB}:5006"
        seen = lambda: [(link["state"], link["waits_for"]) for link in self.gateway.espatctl_json("links") if link["remote"] == remote]
        harness.wait_for(lambda: seen() == [("waiting", "free-link")], "the stream waits")
        self.assertIn("1 flow waits for a free link.", self.gateway.espatctl("links").stdout)
        holder.popen.communicate(b"\n")
        output, _ = waiting.popen.communicate(b"5000\n", timeout=60)
        self.assertEqual(output, far_world.pattern(5000))


if __name__ == "__main__":
    harness.main()
