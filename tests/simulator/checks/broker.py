"""A real broker (mosquitto) for the checks, and its two little clients."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """`lines`: further lines of mosquitto.conf. The port stays the same over stop() and start()."""

    def __init__(self, *lines, port=None):
        self.directory = tempfile.TemporaryDirectory()
        self.port = port or free_port()
        self.configuration = os.path.join(self.directory.name, "mosquitto.conf")
        with open(self.configuration, "w") as file:
            file.write("\n".join([f"user {os.environ.get('USER', 'root')}", f"listener {self.port} 127.0.0.1", *lines, ""]))
            if not any(line.startswith("allow_anonymous") for line in lines):
                file.write("allow_anonymous true\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen([MOSQUITTO, "-c", self.configuration], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("mosquitto did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(5)

    def close(self):
        self.stop()
        self.directory.cleanup()

    def publish(self, topic, message, *options):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-s", *options],
                       input=message, check=True, timeout=10)

    def subscriber(self, topic, *options):
        """Prints "topic qos retain payload-in-hex" a line; ready when this returns."""
        process = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-q", "2", "-d",
                                    "-F", "%t %q %r %x", *options], stdout=subprocess.PIPE, text=True, bufsize=1)
        while "Subscribed" not in process.stdout.readline():
            pass
        return process


def next_message(process):
    """The next line of a subscriber that is a message."""
    while True:
        line = process.stdout.readline()
        if not line:
            raise AssertionError("the subscriber has ended")
        if not line.startswith(("Client ", "Subscribed")):
            return line.rstrip("\n")
