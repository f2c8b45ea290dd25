#!/usr/bin/python3
"""MQTT through the module's own client, with a mosquitto in the far world and mosquitto's clients beside it."""

import json
import signal
import subprocess

import far_world
import harness
import tls_gateway

PORT, TLS_PORT, CLIENT_PORT = "1883", "8883", "8884"


class Broker:
    """A mosquitto that remembers what is retained, and can be stopped and started."""

    def __init__(self, gateway, certificates=None):
        self.gateway, self.starts = gateway, 0
        lines = [f"listener {PORT}", "persistence true", f"persistence_location {gateway.directory}/", "allow_anonymous true"]
        lines += ["user root", "log_type all", "max_queued_messages 5000"]
        for port, wants in ((TLS_PORT, "false"), (CLIENT_PORT, "true")) if certificates else ():
            lines += [f"listener {port}", f"cafile {certificates}/ca.pem", f"require_certificate {wants}"]
            lines += [f"certfile {certificates}/server.pem", f"keyfile {certificates}/server.key"]
        self.file = gateway.directory / "mosquitto.conf"
        self.file.write_text("\n".join(lines) + "\n")
        self.start()

    def start(self):
        self.starts += 1
        self.process = self.gateway.spawn_far(f"mosquitto.{self.starts}", "/usr/sbin/mosquitto", "-c", self.file)
        probe = ("mosquitto_pub", "-h", harness.WEB, "-t", "probe", "-n")
        harness.wait_for(lambda: self.run(*probe, check=False).returncode == 0, "mosquitto answers")

    def stop(self):
        self.process.stop()

    def run(self, *command, **options):
        return self.gateway.run(*self.gateway.far.inside(*command), **options)

    def publish(self, topic, message, *options):
        source = "-s" if message else "-n"
        self.run("mosquitto_pub", "-h", harness.WEB, "-t", topic, source, *options, input=message, text=False)

    def listen(self, name, topic, count, *options):
        """A client that ends after so many messages; it listens when this returns."""
        command = ("mosquitto_sub", "-h", harness.WEB, "-t", topic, "-C", str(count), "-W", "150", "-d", "-q", "2", *options)
        process = self.gateway.spawn_far(name, *("stdbuf", "-oL"), *command)
        harness.wait_for(lambda: "SUBACK" in process.text(), f"{name} listens")
        return process


class MqttTest(harness.GatewayTest):
    options = {**harness.GatewayTest.options, "log_level": "trace"}
    certificates = None
    names = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(cls.gateway, cls.certificates)

    def setUp(self):
        self.mqtt("connect", harness.WEB, "--client-id", "module")

    def tearDown(self):
        self.mqtt("disconnect")

    def mqtt(self, *arguments, **options):
        return self.gateway.espatctl("mqtt", *arguments, **options)

    def status(self):
        return self.gateway.espatctl_json("mqtt", "status")

    def subscribe(self, *arguments):
        """espatctl mqtt sub in the background; it has subscribed when this returns."""
        MqttTest.names += 1
        before = set(self.status()["topics"] or [])
        process = self.gateway.spawn(f"sub.{self.names}", harness.program("ESPATCTL"), *arguments)
        topic = arguments[-1]
        harness.wait_for(lambda: topic in set(self.status()["topics"] or []) - before, f"{topic} is subscribed")
        self.mqtt("pub", "settle", "x", "--qos", "1")  # goes behind the subscription
        return process

    def output_of(self, process, timeout=150):
        process.popen.wait(timeout)
        self.assertEqual(process.popen.returncode, 0, process.text())
        return process.log.read_bytes()

    def assert_connected(self, timeout=60):
        harness.wait_for(lambda: self.status()["state"] == "connected", "the session is there", timeout)


class Mqtt(MqttTest):
    def test_messages_of_every_quality_go_out_as_they_are(self):
        messages = [b"hello", b'{"a": "b,c\\d"}', b"", b"\x00\x01\r\nOK\r\n,\"\xff", far_world.pattern(6000)]
        for qos in ("0", "1", "2"):
            heard = self.broker.listen(f"listener.{qos}", f"out/{qos}", len(messages), "-F", "\x02%q %l %x\x03")
            for message in messages:
                self.mqtt("pub", f"out/{qos}", "--qos", qos, input=message, text=False)
            heard.popen.wait(30)
            got = [part.split("\x03")[0].split() for part in heard.text().split("\x02")[1:]]
            self.assertEqual([(q, bytes.fromhex(rest[1] if len(rest) > 1 else "")) for q, *rest in got], [(qos, m) for m in messages])

    def test_sub_prints_as_mosquitto_sub_does(self):
        plain = self.subscribe("mqtt", "sub", "-c", "3", "in/plain")
        verbose = self.subscribe("mqtt", "sub", "-v", "-c", "1", "in/+/deep")
        as_json = self.subscribe("--json=short", "mqtt", "sub", "-q", "2", "-c", "2", "in/json/#")
        for message in (b"one", b"", b"\x00\xff\r\nbytes"):
            self.broker.publish("in/plain", message)
        self.broker.publish("in/a/deep", b"topic first", "-q", "1")
        self.broker.publish("in/json/x", "ä".encode(), "-q", "2")
        self.broker.publish("in/json/y", b"\xff", "-q", "2")
        self.assertEqual(self.output_of(plain), b"one\n\n\x00\xff\r\nbytes\n")
        self.assertEqual(self.output_of(verbose), b"in/a/deep topic first\n")
        first, second = map(json.loads, self.output_of(as_json).splitlines())
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
        process = self.gateway.spawn("retained", harness.program("ESPATCTL"), "mqtt", "sub", "-c", "1", "kept")
        self.assertEqual(self.output_of(process, 30), b"still here\n")

    def test_a_thousand_messages_come_in_order(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "1000", "many")
        lines = "".join(f"{number}\n" for number in range(1000))
        self.broker.run("mosquitto_pub", "-h", harness.WEB, "-t", "many", "-l", "-q", "1", input=lines)
        self.assertEqual(self.output_of(process).decode(), lines)

    def test_lines_of_standard_input_are_messages_in_order(self):
        lines = "".join(f"line {number}\n" for number in range(100))
        heard = self.broker.listen("lines", "lines", 100, "-F", "\x02%p\x03")
        self.mqtt("pub", "lines", "-l", "--qos", "1", input=lines)
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

    def test_after_a_restart_of_the_broker_topics_and_waiting_messages_are_served(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/restart")
        self.broker.stop()
        harness.wait_for(lambda: self.status()["state"] == "reconnecting", "the loss is seen")
        result = self.mqtt("pub", "after/restart", "I waited", "--qos", "1")
        self.assertIn("waits", result.stderr)
        self.broker.start()
        self.assert_connected()
        self.assertEqual(self.output_of(process, 60), b"I waited\n")
        harness.wait_for(lambda: self.status()["waiting"] == 0, "nothing waits")

    def test_after_a_reset_of_the_module_the_session_comes_back(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/reset")
        self.gateway.espatctl("reset")
        self.assert_connected()
        self.broker.publish("after/reset", b"here again")
        self.assertEqual(self.output_of(process, 60), b"here again\n")

    def test_a_will_is_delivered_when_the_session_breaks(self):
        heard = self.broker.listen("heir", "will", 1)
        will = ("--will-topic", "will", "--will-message", "gone, \"farewell\"", "--will-qos", "1")
        self.mqtt("connect", harness.WEB, "--client-id", "mortal", *will)
        self.gateway.espatctl("reset")
        heard.popen.wait(60)
        self.assertIn('gone, "farewell"', heard.text())

    def test_credentials_of_any_length_are_taken(self):
        self.mqtt("connect", harness.WEB, "--client-id", "c" * 300, "--username", "u" * 200, "--password", "p," * 300)
        self.assertEqual(self.status()["client_id"], "c" * 300)

    def test_a_publication_whose_bytes_were_lost_is_filled_up_and_the_session_goes_on(self):
        source = self.gateway.directory / "large"
        source.write_bytes(far_world.pattern(90000))  # a second of line time
        with source.open("rb") as payload:
            stuck = self.gateway.spawn("stuck", harness.program("ESPATCTL"), "mqtt", "pub", "large", stdin=payload)
        harness.wait_for(lambda: 'MQTTPUBRAW=0,"large"' in self.gateway.daemon.text(), "the publication begins")
        self.gateway.module.control(fault="drop-in", count=100)
        self.assertEqual(stuck.popen.wait(60), 1, stuck.text())
        self.assertIn("other bytes", stuck.text())
        self.assert_connected()
        heard = self.broker.listen("unstuck", "fresh", 1)
        self.mqtt("pub", "fresh", "goes on", "--qos", "1")
        heard.popen.wait(30)
        self.assertIn("goes on", heard.text())

    def test_refused_silent_and_unknown_brokers_are_told_apart(self):
        for host, options, status, sentence in (
            (harness.WEB, ("--port", "9"), 1, "refused"),
            (harness.WEB, ("--port", "5006"), 1, "does not answer"),
            ("nobody.espat.example", (), 3, "nobody.espat.example"),
        ):
            result = self.mqtt("connect", host, *options, check=False)
            self.assertEqual(result.returncode, status, result)
            self.assertIn(sentence, result.stderr)
        self.assertEqual(self.status()["state"], "disconnected")

    def test_it_goes_on_beside_a_download(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "100", "beside")
        download = self.gateway.spawn("download", "curl", "-sS", "--fail", f"http://{harness.WEB}/bytes/2000000", stdout=subprocess.PIPE)
        lines = "".join(f"{number}\n" for number in range(100))
        self.broker.run("mosquitto_pub", "-h", harness.WEB, "-t", "beside", "-l", "-q", "1", input=lines)
        self.mqtt("pub", "out", "meanwhile", "--qos", "1")
        data, _ = download.popen.communicate(timeout=120)
        self.assertEqual(data, far_world.pattern(2000000))
        self.assertEqual(self.output_of(process).decode(), lines)


class MqttOnEsp32V4(MqttTest):
    """The same on the firmware whose dialogues were measured."""

    options = {**MqttTest.options, "dialect": "esp32-v4"}

    def test_a_message_goes_there_and_back(self):
        process = self.subscribe("mqtt", "sub", "-q", "1", "-c", "1", "there/and/back")
        self.mqtt("pub", "there/and/back", "--qos", "1", input=b"bytes\0and lines\r\n", text=False)
        self.assertEqual(self.output_of(process, 30), b"bytes\0and lines\r\n\n")

    def test_it_comes_back_after_a_restart_of_the_broker(self):
        process = self.subscribe("mqtt", "sub", "-c", "1", "after/restart")
        self.broker.stop()
        harness.wait_for(lambda: self.status()["state"] == "reconnecting", "the loss is seen")
        self.broker.start()
        self.assert_connected()
        self.broker.publish("after/restart", b"again")
        self.assertEqual(self.output_of(process, 60), b"again\n")


class SecureMqtt(tls_gateway.TlsTest):
    """A broker whose certificate comes from the module's CA."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(cls.gateway, cls.certificates)

    def connect(self, *arguments, **options):
        options.setdefault("check", True)
        result = self.gateway.espatctl("mqtt", "connect", tls_gateway.NAME, "--transport", "tls", *arguments, **options)
        self.addCleanup(self.gateway.espatctl, "mqtt", "disconnect")
        return result

    def round_trip(self):
        heard = self.broker.listen(f"secure.{self._testMethodName}", "secret", 1)
        self.gateway.espatctl("mqtt", "pub", "secret", "whispered", "--qos", "1")
        heard.popen.wait(30)
        self.assertIn("whispered", heard.text())

    def test_the_brokers_certificate_is_checked_against_its_name(self):
        self.connect()
        self.round_trip()

    def test_a_certificate_for_another_name_is_refused(self):
        result = self.connect("--server-name", "another.example", check=False)
        self.assertEqual(result.returncode, 1, result)

    def test_a_client_certificate_opens_the_door(self):
        self.assertEqual(self.connect("--port", CLIENT_PORT, check=False).returncode, 1)
        self.connect("--port", CLIENT_PORT, "--client-certificate", "0")
        self.round_trip()


if __name__ == "__main__":
    harness.main()
