#!/usr/bin/python3
"""A session with a broker that is lost: by the broker, by Wi-Fi, by the module."""

import harness
import mqtt_broker


class Recovery:
    def serve_what_waits(self, topic, process, bring_back):
        """Published while the session is away, and heard when it is back."""
        self.wait_for_state("reconnecting")
        result = self.mqtt("pub", topic, "I waited", "--qos", "1")
        self.assertIn("waits", result.stderr)
        self.assertEqual(self.status()["waiting"], 1)
        bring_back()
        self.wait_for_state("connected", 120)
        self.assertEqual(self.output_of(process), b"I waited\n")
        harness.wait_for(lambda: self.status()["waiting"] == 0, "nothing waits")

    def test_after_a_restart_of_the_broker_topics_and_waiting_messages_are_served(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/restart")
        self.broker.stop()
        self.serve_what_waits("after/restart", process, self.broker.start)

    def test_after_a_loss_of_wifi_topics_and_waiting_messages_are_served(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/wifi")
        ssid = self.gateway.module.access_point["ssid"]
        self.gateway.module.control(do="ap-down", ssid=ssid)
        self.wait_for_state("reconnecting")
        self.assertIn("Wi-Fi", self.status()["reason"])
        self.serve_what_waits("after/wifi", process, lambda: self.gateway.module.control(do="ap-change", ssid=ssid))

    def test_after_a_reset_of_the_module_topics_and_waiting_messages_are_served(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/reset")
        # Without its access point it cannot be back before the message waits.
        ssid = self.gateway.module.access_point["ssid"]
        self.gateway.module.control(do="ap-down", ssid=ssid)
        self.gateway.module.control(do="reset")
        self.serve_what_waits("after/reset", process, lambda: self.gateway.module.control(do="ap-change", ssid=ssid))

    def test_as_many_topics_as_the_module_takes_are_restored(self):
        topics = [f"many/{number}" for number in range(10)]
        process = self.subscribe("mqtt", "sub", "-v", "-q", "1", "-c", "10", *topics)
        refused = self.mqtt("sub", "eleventh", check=False)
        self.assertEqual(refused.returncode, 1, refused)
        self.assertIn("no more than 10", refused.stderr)
        self.gateway.espatctl("reset")
        self.wait_for_state("connected")
        for topic in topics:
            self.broker.publish(topic, b"heard", "-q", "1")
        self.assertEqual(self.output_of(process).decode(), "".join(f"{topic} heard\n" for topic in topics))

    def test_it_comes_back_beside_an_endless_download(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "busy/line")
        since = self.received()
        download = self.gateway.spawn(self.unique("download"), "bash", "-c", f"exec cat </dev/tcp/{harness.WEB}/19 >/dev/null")
        self.wait_until_received(0, since)  # its connect
        self.broker.stop()
        self.serve_what_waits("busy/line", process, self.broker.start)
        self.assertIsNone(download.popen.poll(), download.text())
        download.stop()

    def test_a_session_that_the_broker_remembers_misses_nothing(self):
        self.mqtt("connect", harness.WEB, "--client-id", "remembered", "--persistent")
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "20", "queued")
        ssid = self.gateway.module.access_point["ssid"]
        self.gateway.module.control(do="ap-down", ssid=ssid)
        self.wait_for_state("reconnecting")
        lines = "".join(f"{number}\n" for number in range(20))
        self.broker.publish_lines("queued", lines)
        self.gateway.module.control(do="ap-change", ssid=ssid)
        self.assertEqual(self.output_of(process).decode(), lines)

    def test_a_retained_message_comes_again_with_the_restored_topic(self):
        self.broker.publish("kept/along", b"kept", "-r", "-q", "1")
        process = self.subscribe("mqtt", "sub", "-c", "2", "kept/along")
        self.gateway.espatctl("reset")
        self.assertEqual(self.output_of(process), b"kept\nkept\n")

    def test_a_will_is_delivered_when_the_session_breaks(self):
        heard = self.broker.listen_to(self.unique("heir"), "will", 1)
        will = ("--will-topic", "will", "--will-message", "gone, \"farewell\"", "--will-qos", "1")
        self.mqtt("connect", harness.WEB, "--client-id", "mortal", *will)
        self.gateway.espatctl("reset")
        self.assert_heard(heard, 'gone, "farewell"')

    def test_no_will_is_delivered_after_a_goodbye(self):
        heard = self.broker.listen_to(self.unique("heir"), "last/words", 1)
        self.mqtt("connect", harness.WEB, "--client-id", "polite", "--will-topic", "last/words", "--will-message", "never said")
        self.mqtt("disconnect")
        self.broker.publish("last/words", b"what comes instead")
        self.assert_heard(heard, "what comes instead")
        self.assertNotIn("never said", heard.text())

    def test_a_hundred_messages_wait_and_the_next_is_refused(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "100", "waiting")
        self.broker.stop()
        self.wait_for_state("reconnecting")
        lines = "".join(f"{number}\n" for number in range(101))
        result = self.mqtt("pub", "waiting", "-l", "--qos", "1", input=lines, check=False)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("no more messages are kept", result.stderr)
        self.assertEqual(self.status()["waiting"], 100)
        self.broker.start()
        self.assertEqual(self.output_of(process).decode().splitlines(), lines.splitlines()[:100])


class RecoveryOnEsp32C61(Recovery, mqtt_broker.MqttTest):
    def test_a_topic_that_ends_the_session_is_not_asked_for_again(self):
        # QUIRKS 138: asked for again with each session, it would end each.
        self.gateway.module.control(fault="subscribe-failure")
        result = self.mqtt("sub", "-q", "1", "-c", "1", "fragile", check=False)
        self.assertEqual(result.returncode, 1, result)
        self.wait_for_state("connected")
        self.assertNotIn("fragile", self.status()["topics"] or [])
        self.round_trip()


class RecoveryOnEsp32V4(Recovery, mqtt_broker.MqttTest):
    options = mqtt_broker.ESP32_V4


class OtherFirmware(mqtt_broker.WithMqtt, harness.GatewayTest):
    """The module is taken away and comes back with other firmware."""

    def has_mqtt(self):
        command = ("busctl", "--system", "get-property", "org.espat1", "/org/espat1/module/esp0", "org.espat1.Mqtt", "State")
        return self.gateway.run(*command, check=False).returncode == 0

    def flash(self, dialect, *options):
        self.gateway.module.process.stop()
        self.gateway.module.flash(dialect, options)
        self.gateway.module.start()
        harness.wait_for(lambda: self.gateway.espatctl_json("-m", "esp0", "status")["dialect"] == dialect, "it is seen", 60)

    def test_the_interface_is_there_while_the_firmware_has_mqtt(self):
        self.broker = mqtt_broker.Broker(self.gateway)
        self.mqtt("connect", harness.WEB)
        self.flash("esp32-v4", "--without", "AT+MQTTUSERCFG")
        harness.wait_for(lambda: not self.has_mqtt(), "org.espat1.Mqtt is gone", 60)
        result = self.mqtt("status", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no MQTT", result.stderr)
        self.flash("esp32c61")
        harness.wait_for(self.has_mqtt, "org.espat1.Mqtt is back", 60)
        self.assertEqual(self.status()["state"], "disconnected")
        self.gateway.wait_for_address(timeout=60)
        self.mqtt("connect", harness.WEB)
        self.round_trip()


if __name__ == "__main__":
    harness.main()
