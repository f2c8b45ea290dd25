#!/usr/bin/python3
"""A line and a module that misbehave: the daemon gets back to `ready` by itself, programs work again, and what arrives is right or an error."""

import contextlib
import time

import far_world
import harness

SIZE = 300_000


class Faulty(harness.GatewayTest):
    def states(self):
        return self.gateway.run(
            "busctl", "--system", "get-property", "org.espat1", "/org/espat1/module/esp0", "org.espat1.Module", "State", check=False
        ).stdout

    @contextlib.contextmanager
    def download(self):
        """A download that is under way; afterwards it is complete and identical, or curl says that it failed."""
        file = self.gateway.directory / "fetched"
        file.unlink(missing_ok=True)
        command = ["curl", "-sS", "--fail", "--max-time", "25", "-o", file, f"http://{harness.WEB}/bytes/{SIZE}"]
        curl = self.gateway.spawn("download", *command)
        harness.wait_for(lambda: file.exists() and file.stat().st_size > 10_000, "the download is under way")
        yield
        status = curl.popen.wait(45)
        # A byte lost inside a payload is only seen behind it, so an error may come after wrong bytes, but it must come.
        if status == 0:
            self.assertEqual(file.read_bytes(), far_world.pattern(SIZE), "curl was content with wrong bytes")

    def assert_recovers(self, timeout=40.0):
        self.gateway.check_daemon()
        begin = time.monotonic()

        def fetches():
            self.gateway.check_daemon()
            command = ["curl", "-sS", "--fail", "--max-time", "8", f"http://{harness.WEB}/bytes/5000"]
            result = self.gateway.run(*command, check=False, text=False)
            return result.returncode == 0 and result.stdout == far_world.pattern(5000)

        harness.wait_for(fetches, "curl works again", timeout)
        self.assertEqual(self.states().strip(), 's "ready"')
        print(f"{self.id().rsplit('.', 1)[1]}: works again after {time.monotonic() - begin:.1f} s", flush=True)

    def fault(self, name, **details):
        self.gateway.module.control(fault=name, **details)


class LineFaults(Faulty):
    def test_bytes_lost_on_the_way_to_the_host(self):
        with self.download():
            self.fault("drop-out", count=40)
        self.assert_recovers()

    def test_bytes_lost_on_the_way_to_the_module(self):
        with self.download():
            self.fault("drop-in", count=3)
        self.assert_recovers()

    def test_bytes_lost_of_a_payload_that_is_sent(self):
        body = self.gateway.directory / "body"
        body.write_bytes(far_world.pattern(100_000))
        command = ["curl", "-sS", "--fail", "--max-time", "30", "-T", body, f"http://{harness.WEB}/"]
        upload = self.gateway.spawn("upload", *command)
        time.sleep(0.4)
        self.fault("drop-in", count=5)
        upload.popen.wait(40)
        self.assert_recovers()

    def test_bytes_corrupted_on_the_way_to_the_module(self):
        self.fault("corrupt-in", count=2)
        self.gateway.run("curl", "-sS", "--max-time", "8", f"http://{harness.WEB}/", check=False)
        self.assert_recovers()

    def test_bytes_corrupted_outside_of_payload(self):
        self.fault("corrupt-out", count=6)
        self.gateway.run("curl", "-sS", "--max-time", "8", f"http://{harness.WEB}/", check=False)
        self.assert_recovers()


class FirmwareFaults(Faulty):
    def test_a_storm_of_busy(self):
        self.fault("busy-storm", count=8)
        self.assert_recovers()

    def test_send_ok_missing(self):
        self.fault("missing-send-ok", count=1)
        self.gateway.run("curl", "-sS", "--max-time", "8", f"http://{harness.WEB}/", check=False)
        self.assert_recovers()

    def test_a_late_answer(self):
        with self.download():
            self.fault("late-answer", count=1, ms=3000)
            self.gateway.espatctl("at", "AT", check=False)
        self.assert_recovers()

    def test_a_prompt_with_reports_before_it(self):
        self.fault("split-prompt", on=True)
        self.addCleanup(self.fault, "split-prompt", on=False)
        with self.download():
            pass
        self.assert_recovers()


    def test_links_refused_after_wifi_was_lost(self):
        # Quirk 108: a restart alone helps.
        self.gateway.run("curl", "-sS", "--max-time", "8", "http://www.espat.example/")
        self.fault("refuse-links")

        def fetches():
            return self.gateway.run("curl", "-sS", "--max-time", "8", "http://www.espat.example/", check=False).returncode == 0

        harness.wait_for(fetches, "a page can be fetched by name again", 60)
        self.assert_recovers()


class Restarts(Faulty):
    def test_a_reset_in_the_middle_of_a_payload(self):
        with self.download():
            self.fault("reset-in-payload", after=2000)
        self.assert_recovers()

    def test_another_rate_after_a_restart(self):
        self.fault("wrong-rate", rate=460800)
        self.gateway.module.control(do="reset")
        self.assert_recovers(60)  # a connect in flight is waited out, as long as one that hangs takes

    def test_a_brown_out(self):
        self.fault("brown-out", count=2)
        self.gateway.module.control(do="reset")
        self.assert_recovers()

    def test_a_daemon_that_was_killed_leaves_the_module_at_a_raised_rate(self):
        # Quirk 132.
        self.gateway.daemon.popen.kill()
        self.gateway.daemon.popen.wait()
        self.gateway.daemon = None
        self.gateway.start_daemon()
        self.assert_recovers()


class Hang(Faulty):
    def test_a_module_that_hangs_is_said_to_and_is_found_again(self):
        self.fault("hang", on=True)
        # A connect may take 75 s, so it would be noticed as late; AT is answered at once or not at all.
        self.gateway.spawn("doomed", harness.program("ESPATCTL"), "at", "AT")
        harness.wait_for(lambda: self.states().strip() != 's "ready"', "the hang is noticed", 20)
        self.fault("hang", on=False)
        self.gateway.module.control(do="reset")
        self.assert_recovers()


if __name__ == "__main__":
    harness.main()
