#!/usr/bin/python3
"""MQTT through the module's own client, with a mosquitto in the far world and mosquitto's clients beside it."""

import json
import signal
import subprocess

import far_world
import harness
import mqtt_broker

USER, PASSWORD = "u" * 200, 'p,"\\ ' * 150


class Messages:
    users = {"short": "secret", USER: PASSWORD}

    def test_messages_of_every_quality_go_out_as_they_are(self):
        messages = [b"hello", b'{"a": "b,c\\d"}', b"", b"\x00\x01\r\nOK\r\n,\"\xff", far_world.pattern(60000)]
        for qos in ("0", "1", "2"):
            heard = self.broker.listen_to(f"listener.{qos}", f"out/{qos}", len(messages), "-F", "\x02%q %l %x\x03")
            for message in messages:
                self.mqtt("pub", f"out/{qos}", "--qos", qos, input=message, text=False)
            heard.popen.wait(30)
            got = [part.split("\x03")[0].split() for part in heard.text().split("\x02")[1:]]
            self.assertEqual([(q, bytes.fromhex(rest[1] if len(rest) > 1 else "")) for q, *rest in got], [(qos, m) for m in messages])

    def test_a_message_that_the_module_has_no_memory_for_is_refused_and_hurts_nothing(self):
        for size, sentence in ((120000, b"the module answered ERROR"), (200000, b"at most 131072 bytes")):
            result = self.mqtt("pub", "too/large", input=far_world.pattern(size), text=False, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn(sentence, result.stderr)
        self.round_trip()

    def test_messages_of_every_quality_come_in_as_they_are(self):
        messages = [b"hello", b'{"a": "b,c\\d"}', b"\x00\x01\r\nOK\r\n,\"\xff"]
        for qos in ("0", "1", "2"):
            process = self.subscribe("mqtt", "sub", "-q", qos, "-c", str(len(messages)), f"in/{qos}")
            for message in messages:
                self.broker.publish(f"in/{qos}", message, "-q", qos)
            self.assertEqual(self.output_of(process), b"".join(message + b"\n" for message in messages))

    def test_sub_prints_as_mosquitto_sub_does(self):
        messages = (b"one", b"", b"\x00\xff\r\nbytes")
        for options in ((), ("-v",)):
            ours = self.subscribe("mqtt", "sub", *options, "-c", "3", "in/plain")
            # Without -d, which prints more; it listens once the broker says so.
            theirs = self.broker.gateway.spawn_far(
                self.unique("theirs"), "mosquitto_sub", "-h", harness.WEB, "-i", self.unique("reference"), "-t", "in/plain", "-C", "3", *options
            )
            client = f"reference.{self.names}"
            harness.wait_for(lambda: f"Sending SUBACK to {client}" in self.broker.process.text(), "mosquitto_sub listens")
            for message in messages:
                self.broker.publish("in/plain", message)
            self.assertEqual(self.output_of(ours), self.output_of(theirs))

    def test_json_tells_text_and_bytes_apart(self):
        process = self.subscribe("--json=short", "mqtt", "sub", "-q", "2", "-c", "2", "in/json/#")
        self.broker.publish("in/json/x", "ä".encode(), "-q", "2")
        self.broker.publish("in/json/y", b"\xff", "-q", "2")
        first, second = map(json.loads, self.output_of(process).splitlines())
        self.assertEqual((first["topic"], first["payload"], first["complete"]), ("in/json/x", "ä", "certain"))
        self.assertEqual((second["payload"], second["payload_hex"], second["payloadlen"]), (None, "ff", 1))

    def test_a_long_message_is_joined_and_called_presumably_complete(self):
        data = far_world.pattern(5000).hex().encode()  # 10000 bytes of text
        process = self.subscribe("--json=short", "mqtt", "sub", "-c", "1", "long")
        self.broker.publish("long", data)
        message = json.loads(self.output_of(process))
        self.assertEqual(message["payload"].encode(), data)
        self.assertEqual(message["complete"], "presumed")

    def test_a_retained_message_comes_with_the_subscription(self):
        self.mqtt("pub", "kept", "still here", "--retain", "--qos", "1")
        process = self.gateway.spawn(self.unique("retained"), harness.program("ESPATCTL"), "mqtt", "sub", "-c", "1", "kept")
        self.assertEqual(self.output_of(process, 30), b"still here\n")

    def test_a_thousand_messages_come_in_order(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "1000", "many")
        lines = "".join(f"{number}\n" for number in range(1000))
        self.broker.publish_lines("many", lines)
        self.assertEqual(self.output_of(process).decode(), lines)

    def test_a_thousand_lines_of_standard_input_are_messages_in_order(self):
        lines = "".join(f"line {number}\n" for number in range(1000))
        heard = self.broker.listen_to("lines", "lines", 1000, "-F", "\x02%p\x03")
        self.mqtt("pub", "lines", "-l", "--qos", "1", input=lines, timeout=150)
        heard.popen.wait(60)
        got = [part.split("\x03")[0] for part in heard.text().split("\x02")[1:]]
        self.assertEqual(got, lines.splitlines())

    def test_topics_end_with_those_who_wanted_them(self):
        process = self.subscribe("mqtt", "sub", "short/lived")
        process.popen.send_signal(signal.SIGINT)
        self.assertEqual(process.popen.wait(10), 0)
        harness.wait_for(lambda: "short/lived" not in (self.status()["topics"] or []), "the topic is gone")

    def test_a_topic_can_be_ended_for_everybody(self):
        self.subscribe("mqtt", "sub", "everybody")
        self.mqtt("unsub", "everybody")
        self.assertNotIn("everybody", self.status()["topics"] or [])
        self.assertEqual(self.mqtt("unsub", "everybody", check=False).returncode, 3)

    def test_the_broker_gets_credentials_of_any_length(self):
        client = "c" * 300
        login = ("--port", self.broker.USER_PORT, "--client-id", client, "--username", USER)
        self.mqtt("connect", harness.WEB, *login, "--password", PASSWORD, "--keep-alive", "77")
        self.assertEqual(self.status()["client_id"], client)
        self.assertIn(f"as {client} (p2, c1, k77, u'{USER}')", self.broker.process.text())
        self.round_trip()
        for wrong in (PASSWORD[:-1], "secret"):
            result = self.mqtt("connect", harness.WEB, *login, "--password", wrong, check=False)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn("password", result.stderr)
        self.mqtt("connect", harness.WEB, "--port", self.broker.USER_PORT, "--username", "short", "--password-file", "-", input="secret\n")
        self.assertNotIn(PASSWORD, self.gateway.daemon.text())

    def test_refused_silent_and_unknown_brokers_are_told_apart(self):
        for host, options, status, sentence in (
            (harness.WEB, ("--port", "9"), 1, "refused"),
            (harness.WEB, ("--port", "5006"), 1, "does not answer"),
            ("nobody.espat.example", (), 3, "nobody.espat.example"),
            (harness.WEB6, (), 1, "IPv6"),
            ("six.espat.example", (), 3, "no IPv4 address"),
        ):
            result = self.mqtt("connect", host, *options, check=False)
            self.assertEqual(result.returncode, status, result)
            self.assertIn(sentence, result.stderr)
        self.assertEqual(self.status()["state"], "disconnected")

    def test_a_broker_is_found_by_its_name(self):
        self.mqtt("connect", "www.espat.example")
        self.round_trip()

    def test_it_goes_on_beside_a_download(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "100", "beside")
        download = self.gateway.spawn(
            self.unique("download"), "curl", "-sS", "--fail", f"http://{harness.WEB}/bytes/2000000", stdout=subprocess.PIPE
        )
        lines = "".join(f"{number}\n" for number in range(100))
        self.broker.publish_lines("beside", lines)
        self.mqtt("pub", "out", "meanwhile", "--qos", "1")
        data, _ = download.popen.communicate(timeout=120)
        self.assertEqual(data, far_world.pattern(2000000))
        self.assertEqual(self.output_of(process).decode(), lines)


class MessagesOnEsp32C61(Messages, mqtt_broker.MqttTest):
    pass


class MessagesOnEsp32V4(Messages, mqtt_broker.MqttTest):
    options = mqtt_broker.ESP32_V4


if __name__ == "__main__":
    harness.main()
