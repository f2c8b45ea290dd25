"""A mosquitto in the far world, and what every test of MQTT does with it."""

import subprocess

import harness

PORT = "1883"


class Broker:
    """Remembers what is retained, and can be stopped and started.

    `users` maps names to passwords: those are wanted on USER_PORT. With `certificates` (of tls_gateway.py) there are ports for TLS and
    for WebSocket.
    """

    USER_PORT = "1884"
    TLS_PORT, CLIENT_PORT, STRANGER_PORT = "8883", "8884", "8889"  # a certificate of the client is wanted; one of an unknown CA is shown
    WS_PORT, WSS_PORT, WSS_CLIENT_PORT = "9001", "9002", "9003"

    def __init__(self, gateway, certificates=None, users=None):
        self.gateway, self.starts = gateway, 0
        self.lines = ["per_listener_settings true", "user root", "log_type all", "max_queued_messages 5000"]
        self.listen(PORT, "persistence true", f"persistence_location {gateway.directory}/")
        if users:
            passwords = gateway.directory / "passwords"
            passwords.touch()
            for name, password in users.items():
                subprocess.run(["mosquitto_passwd", "-b", passwords, name, password], check=True, capture_output=True)
            self.listen(self.USER_PORT, f"password_file {passwords}", anonymous=False)
        if certificates:
            self.listen_securely(self.TLS_PORT, certificates)
            self.listen_securely(self.CLIENT_PORT, certificates, wants_client=True)
            self.listen_securely(self.STRANGER_PORT, certificates, "stranger")
            self.listen(self.WS_PORT, "protocol websockets")
            self.listen_securely(self.WSS_PORT, certificates, protocol="websockets")
            self.listen_securely(self.WSS_CLIENT_PORT, certificates, wants_client=True, protocol="websockets")
        self.file = gateway.directory / "mosquitto.conf"
        self.file.write_text("\n".join(self.lines) + "\n")
        self.start()

    def listen(self, port, *lines, anonymous=True):
        self.lines += [f"listener {port}", f"allow_anonymous {str(anonymous).lower()}", *lines]

    def listen_securely(self, port, certificates, name="server", wants_client=False, protocol="mqtt"):
        self.listen(
            port,
            *(f"cafile {certificates}/ca.pem", f"certfile {certificates}/{name}.pem", f"keyfile {certificates}/{name}.key"),
            *(f"require_certificate {str(wants_client).lower()}", f"protocol {protocol}"),
        )

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

    def publish_lines(self, topic, lines):
        self.run("mosquitto_pub", "-h", harness.WEB, "-t", topic, "-l", "-q", "1", input=lines)

    def listen_to(self, name, topic, count, *options):
        """A client that ends after so many messages; it listens when this returns."""
        command = ("mosquitto_sub", "-h", harness.WEB, "-t", topic, "-C", str(count), "-W", "150", "-d", "-q", "2", *options)
        process = self.gateway.spawn_far(name, *("stdbuf", "-oL"), *command)
        harness.wait_for(lambda: "SUBACK" in process.text(), f"{name} listens")
        return process


class WithMqtt:
    """What a test says to espatctl; for a GatewayTest with a `broker`."""

    names = 0

    @classmethod
    def unique(cls, name):
        WithMqtt.names += 1
        return f"{name}.{WithMqtt.names}"

    def mqtt(self, *arguments, **options):
        return self.gateway.espatctl("mqtt", *arguments, **options)

    def status(self):
        return self.gateway.espatctl_json("mqtt", "status")

    def subscribe(self, *arguments):
        """espatctl mqtt sub in the background; it has subscribed when this returns."""
        before = set(self.status()["topics"] or [])
        process = self.gateway.spawn(self.unique("sub"), harness.program("ESPATCTL"), *arguments)
        topic = arguments[-1]
        harness.wait_for(lambda: topic in set(self.status()["topics"] or []) - before, f"{topic} is subscribed")
        self.mqtt("pub", "settle", "x", "--qos", "1")  # goes behind the subscription
        return process

    def output_of(self, process, timeout=150):
        process.popen.wait(timeout)
        self.assertEqual(process.popen.returncode, 0, process.text())
        return process.log.read_bytes()

    def assert_heard(self, listener, text, timeout=60):
        listener.popen.wait(timeout)
        self.assertIn(text, listener.text())

    def wait_for_state(self, state, timeout=60):
        harness.wait_for(lambda: self.status()["state"] == state, f"MQTT is {state}", timeout)

    def received(self):
        """How many bytes the module has got so far."""
        return self.gateway.module.control(do="counters")["received"]

    def wait_until_received(self, count, since):
        """Until the module has got more than so many bytes since received() was asked."""
        harness.wait_for(lambda: self.received() > since + count, f"the module has got {count} bytes more")

    def round_trip(self):
        """A message out and one in."""
        heard = self.broker.listen_to(self.unique("listener"), "out/round", 1)
        self.mqtt("pub", "out/round", "whispered", "--qos", "1")
        self.assert_heard(heard, "whispered")
        process = self.subscribe("mqtt", "sub", "-c", "1", "in/round")
        self.broker.publish("in/round", b"answered")
        self.assertEqual(self.output_of(process), b"answered\n")


class MqttTest(WithMqtt, harness.GatewayTest):
    """Every test begins connected to the broker."""

    options = {**harness.GatewayTest.options, "log_level": "trace"}
    users = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = Broker(cls.gateway, users=cls.users)

    def setUp(self):
        self.mqtt("connect", harness.WEB, "--client-id", "module")

    def tearDown(self):
        self.mqtt("disconnect", check=False)


ESP32_V4 = {**MqttTest.options, "dialect": "esp32-v4"}  # the firmware whose dialogues were measured
