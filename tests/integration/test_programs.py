#!/usr/bin/python3
"""Programs that know nothing of the module use esp0: curl, ping, dig, iperf3, nc, ssh."""

import hashlib
import json
import os
import subprocess

import far_world
import harness
import namespaces

MEGABYTE = 1 << 20


class Programs(harness.GatewayTest):
    def test_curl_fetches_a_page_by_name(self):
        name = next(iter(harness.NAMES))
        result = self.gateway.run("curl", "-sS", f"http://{name}/", text=False)
        self.assertEqual(result.stdout, far_world.PAGE)

    def test_a_megabyte_comes_down_unchanged(self):
        data = self.gateway.fetch(f"/bytes/{MEGABYTE}", timeout=60)
        self.assertEqual(hashlib.sha256(data).hexdigest(), hashlib.sha256(far_world.pattern(MEGABYTE)).hexdigest())

    def test_a_megabyte_goes_up_unchanged(self):
        data = far_world.pattern(MEGABYTE)
        file = self.gateway.directory / "upload"
        file.write_bytes(data)
        answer = self.gateway.fetch("/upload", "-T", str(file), timeout=60)
        self.assertEqual(answer.decode().strip(), hashlib.sha256(data).hexdigest())

    def test_ping_is_answered_in_about_the_second_that_the_module_takes(self):
        result = self.gateway.run("ping", "-c", "1", "-W", "8", harness.WEB)
        self.assertIn(" 0% packet loss", result.stdout)

    def test_espatctl_ping_tells_the_modules_own_time(self):
        answer = self.gateway.espatctl_json("ping", harness.WEB)
        self.assertEqual(answer["received"], answer["transmitted"])
        self.assertLess(answer["max"], 900)

    def test_dig_gets_answers_and_denials(self):
        known = self.gateway.run("dig", "+short", "mail.espat.example").stdout.strip()
        self.assertEqual(known, harness.NAMES["mail.espat.example"])
        unknown = self.gateway.run("dig", "nobody.espat.example").stdout
        self.assertIn("status: NXDOMAIN", unknown)

    def test_espatctl_resolves_names(self):
        answer = self.gateway.espatctl("resolve", "www.espat.example").stdout
        self.assertIn(harness.WEB, answer)

    def test_datagrams_are_echoed_one_by_one(self):
        script = (
            "import socket,sys\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.settimeout(5)\n"
            f"s.connect(('{harness.WEB}',7))\n"
            "for size in (1,100,1200,1400):\n"
            " s.send(bytes([size%256])*size)\n"
            " assert s.recv(4096)==bytes([size%256])*size,size\n"
        )
        self.gateway.run("/usr/bin/python3", "-c", script)

    def test_nc_sends_all_then_reads_the_answer_after_its_own_end(self):
        data = far_world.pattern(50000)
        result = self.gateway.run("nc", "-N", "-w", "20", harness.WEB, "7", input=data, text=False)
        self.assertEqual(result.stdout, data)

    def test_iperf3_runs_in_both_directions(self):
        server = self.gateway.spawn_far("iperf3-server", "iperf3", "--server", "--bind", harness.WEB, "--idle-timeout", "120")
        harness.wait_for(lambda: self.listens(5201), "iperf3 listens")
        for direction in ([], ["--reverse"]):
            with self.subTest(direction=direction):
                command = ["iperf3", "--client", harness.WEB, "--time", "5", "--json", "--len", "4K", *direction]
                report = json.loads(self.gateway.run(*command, timeout=60).stdout)
                rate = report["end"]["sum_received"]["bits_per_second"]
                # 921600 baud carry 737 kbit/s of payload. Half of it says that it works; the bench says how well.
                self.assertGreater(rate, 737e3 / 2)
        self.assertIsNone(server.popen.poll())

    def listens(self, port):
        return f":{port} " in self.gateway.far.run("ss", "-Hltn")

    def test_ssh_runs_a_command(self):
        directory = self.gateway.directory
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key], check=True)
        # sshd without root serves its own user only; in these namespaces that is one that nobody outside knows.
        account = f"espat:x:4711:4711::{directory}:/bin/sh\n"
        passwd = directory / "passwd"
        with open("/etc/passwd", encoding="utf-8") as original:
            passwd.write_text(original.read() + account)
        namespaces.replace_file("/etc/passwd", passwd)
        self.addCleanup(namespaces.run, "umount", "/etc/passwd")
        os.chmod(directory, 0o711)
        settings = directory / "sshd_config"
        settings.write_text(
            f"Port 2222\nListenAddress {harness.WEB}\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/user.pub\n"
            "StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        )
        server = self.gateway.spawn_far(
            "sshd", "unshare", "--user", "--map-user=4711", "--map-group=4711", "--", "/usr/sbin/sshd", "-D", "-e", "-f", settings
        )
        harness.wait_for(lambda: self.listens(2222) or server.popen.poll() is not None, "sshd listens")
        command = ["ssh", "-p", "2222", "-F", "none", "-i", directory / "user", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        command += ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", f"espat@{harness.WEB}"]
        result = self.gateway.run(*command, "sha256sum", input=b"through five sockets\n", text=False, timeout=60)
        self.assertIn(hashlib.sha256(b"through five sockets\n").hexdigest(), result.stdout.decode())


if __name__ == "__main__":
    harness.main()
