#!/usr/bin/python3
"""What does not work fails in the way that it fails on Ethernet: programs say the right thing, in time."""

import time

import harness

CURL_COULD_NOT_CONNECT, CURL_TIMED_OUT, CURL_RECEIVE_ERROR = 7, 28, 56


class Failures(harness.GatewayTest):
    def curl(self, *arguments, **options):
        begin = time.monotonic()
        result = self.gateway.run("curl", "-sS", *arguments, check=False, **options)
        return result, time.monotonic() - begin

    def test_a_refused_port_is_refused_at_once(self):
        result, seconds = self.curl("--connect-timeout", "20", f"http://{harness.WEB}:9/")
        self.assertEqual(result.returncode, CURL_COULD_NOT_CONNECT, result.stderr)
        self.assertRegex(result.stderr, "(?i)refused|couldn't connect")
        self.assertLess(seconds, 5)
        refused = self.gateway.run("nc", "-v", "-w", "20", harness.WEB, "9", check=False, input="")
        self.assertIn("refused", refused.stderr)

    def test_a_dead_host_is_not_reported_as_refused(self):
        result, seconds = self.curl("--connect-timeout", "60", f"http://{harness.DEAD}/", timeout=90)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotIn("refused", result.stderr.lower())
        self.assertLess(seconds, 75)

    def test_a_dead_host_does_not_keep_others_from_working_for_long(self):
        dead = self.gateway.spawn("dead", "curl", "-sS", "--connect-timeout", "30", f"http://{harness.DEAD}/")
        result, seconds = self.curl(f"http://{harness.WEB}/", timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(seconds, 40)
        dead.popen.wait(60)

    def test_a_reset_by_the_far_end_is_not_a_success(self):
        result = self.gateway.run("curl", "-sS", f"http://{harness.WEB}:5003/", check=False)
        # The module says CLOSED for FIN and RST alike, so curl sees an empty answer or a reset, and never a page.
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, "")

    def test_an_unknown_name_is_an_error_of_the_name(self):
        result, _ = self.curl("http://nobody.espat.example/")
        self.assertEqual(result.returncode, 6, result.stderr)

    def test_a_wrong_passphrase_is_said_to_be_wrong(self):
        point = self.gateway.module.access_point
        self.addCleanup(self.gateway.join)
        self.gateway.espatctl("disconnect")
        result = self.gateway.espatctl("connect", "--no-save", point["ssid"], input="wrong horse\n", check=False)
        if result.returncode == 0:  # the network is known, so nothing was asked
            self.gateway.espatctl("networks", "forget", point["ssid"])
            result = self.gateway.espatctl("connect", "--no-save", point["ssid"], input="wrong horse\n", check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, "(?i)passphrase|password")
        self.assertNotIn("wrong horse", result.stderr + self.gateway.daemon.text())


if __name__ == "__main__":
    harness.main()
