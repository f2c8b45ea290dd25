"""The demo: a gateway whose only way out is a simulated module. Started by tests/demo; --keep stays there with a shell."""

import argparse
import os
import shlex
import subprocess
import sys

import harness
import namespaces

WORLD = harness.SOURCE / "tests/simulator/worlds/demo.json"


class Show:
    """Prints each command before it is run, as somebody would type it, and what it says."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.environment = {**gateway.environment, "PATH": f"{harness.program('ESPATCTL').parent}:{os.environ['PATH']}"}

    def say(self, text):
        print(f"\n== {text}", flush=True)

    def run(self, command, **options):
        print(f"$ {command}", flush=True)
        subprocess.run(["sh", "-c", command], env=self.environment, check=True, timeout=120, **options)

    def start(self, command):
        print(f"$ {command} &", flush=True)
        return self.gateway.spawn("background", "sh", "-c", f"exec {command}", env=self.environment)


def demonstrate(gateway):
    show = Show(gateway)
    point = gateway.module.access_point
    show.say("espatd runs, a module was found on a (simulated) serial port")
    gateway.wait_until_ready()
    show.run("espatctl")

    show.say("which networks does it hear?")
    show.run("espatctl scan")

    show.say("join one; esp0 gets the module's address")
    secret = gateway.directory / "passphrase"
    secret.write_text(point.get("psk", "") + "\n")
    show.run(f"espatctl connect {shlex.quote(point['ssid'])} <{secret}")
    gateway.wait_for_address()
    show.run("ip -brief address show dev esp0")
    show.run("ip route")

    show.say("ordinary programs use it: curl, ping, dig")
    name = next(iter(harness.NAMES))
    show.run(f"curl -sS http://{name}/")
    show.run(f"ping -c 2 -i 2 {harness.WEB}")
    show.run(f"dig +noall +answer {name}")

    show.say("the network has IPv6, too")
    gateway.wait_for_ipv6()
    show.run("ip -brief -6 address show dev esp0")
    show.run(f"curl -sS 'http://[{harness.WEB6}]/'")

    show.say("what espatctl shows while two downloads are under way")
    downloads = [show.start(f"curl -sS -o /dev/null http://{name}/bytes/200000") for _ in range(2)]

    def both_run():
        links = [link for link in gateway.espatctl_json("links") if link["proto"] == "tcp"]
        return len([link for link in links if link["state"] == "open" and link["received"]]) >= 2

    harness.wait_for(both_run, "both downloads have a link")
    show.run("espatctl status")
    show.run("espatctl links")
    for download in downloads:
        if download.popen.wait(60):
            raise RuntimeError(f"a download failed: {download.text()}")
    return show


def main():
    parser = argparse.ArgumentParser(prog="tests/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="stay there with a shell")
    arguments = parser.parse_args()
    namespaces.enter()
    print("== a gateway and a world behind a simulated module, each in a network namespace of its own", flush=True)
    options = {"baud-rate": 921600, "flow-control": "rts-cts"}
    with harness.Gateway(world=harness.load_world(WORLD), log_level="info", **options) as gateway:
        show = demonstrate(gateway)
        if arguments.keep:
            show.say(f"a shell on the gateway: try espatctl, curl http://{next(iter(harness.NAMES))}/; 'exit' ends it all")
            shell = os.environ.get("SHELL", "/bin/sh")
            subprocess.run([shell], env={**show.environment, "PS1": "gateway# "}, check=False)
        show.say("stopping espatd: the interface goes with it")
        status = gateway.stop_daemon()
        if status or gateway.interface():
            raise RuntimeError(f"espatd ended with {status}; esp0: {gateway.interface()}")
    print("== done; nothing is left behind")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, TimeoutError, FileNotFoundError, subprocess.SubprocessError) as problem:
        sys.exit(f"demo: {problem}")
