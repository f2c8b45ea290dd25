#!/usr/bin/python3
"""A publication whose data phase sticks: AT+MQTTPUBRAW cannot be cancelled (QUIRKS 73), and may never be answered (QUIRKS 138)."""

import far_world
import harness
import mqtt_broker


class Sticking:
    def start_publication(self, topic, size):
        source = self.gateway.directory / "large"
        source.write_bytes(far_world.pattern(size))
        with source.open("rb") as payload:
            return self.gateway.spawn(self.unique("pub"), harness.program("ESPATCTL"), "mqtt", "pub", topic, stdin=payload)

    def test_a_publication_whose_bytes_were_lost_is_filled_up_and_nothing_else_is_lost(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "1", "beside/it")
        before = len(self.gateway.daemon.text())
        file = self.gateway.directory / self.unique("file")
        since = self.received()
        download = self.gateway.spawn(self.unique("download"), "curl", "-sS", "--fail", "-o", file, f"http://{harness.WEB}/bytes/3000000")
        self.wait_until_received(60, since)  # its request
        since = self.received()
        stuck = self.start_publication("large", 90000)  # a second of line time
        self.wait_until_received(5000, since)
        self.gateway.module.control(fault="drop-in", count=100)
        self.broker.publish("beside/it", b"heard meanwhile", "-q", "1")
        self.assertEqual(stuck.popen.wait(60), 1, stuck.text())
        self.assertIn("other bytes", stuck.text())
        self.assertEqual(self.output_of(process), b"heard meanwhile\n")
        self.assertEqual(download.popen.wait(120), 0, download.text())
        self.assertEqual(file.read_bytes(), far_world.pattern(3000000))
        self.round_trip()
        said = self.gateway.daemon.text()[before:]
        self.assertNotIn("MQTT: lost", said)
        self.assertNotIn("does not answer any more", said)

    def test_a_publication_that_sticks_for_good_is_over_with_a_reset_of_the_module(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/stuck")
        daemon = self.gateway.daemon.pid
        self.gateway.module.control(fault="stuck-publish")
        stuck = self.mqtt("pub", "stuck", check=False, input=b"\0three", text=False)
        self.assertEqual(stuck.returncode, 1, stuck)
        self.assertIn(b"other bytes", stuck.stderr)
        self.wait_for_state("reconnecting")  # padding was no help: the module is given up
        self.assertIn("waits", self.mqtt("pub", "after/stuck", "I waited", "--qos", "1").stderr)
        self.gateway.module.control(do="reset")
        self.wait_for_state("connected", 120)
        self.assertEqual(self.output_of(process), b"I waited\n")
        self.assertEqual(self.gateway.daemon.pid, daemon)
        self.gateway.check_daemon()

    def test_a_publication_that_is_never_answered_is_told_so_and_the_session_goes_on(self):
        self.gateway.module.control(fault="missing-publish-answer")
        result = self.mqtt("pub", "mute", check=False, input=b"\0three", text=False)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(b"may have been sent", result.stderr)
        self.assertEqual(self.status()["state"], "connected")
        self.round_trip()


class StickingOnEsp32C61(Sticking, mqtt_broker.MqttTest):
    pass


class StickingOnEsp32V4(Sticking, mqtt_broker.MqttTest):
    options = mqtt_broker.ESP32_V4


if __name__ == "__main__":
    harness.main()
