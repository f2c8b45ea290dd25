"""A gateway whose module does TLS: certificates, the far world's TLS servers, and a host clock that the test sets.

The CA certificate that the module has signed that of the servers (tls_servers.py), but for one of them.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import harness

NAME = "www.espat.example"
NAME6 = "six.espat.example"
PREFIX = "2001:db8:77::/64"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_authority(directory, name):
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}"),
        *("-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"),
    )


def make_certificate(directory, name, authority, *names):
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={names[0]}"),
        *("-keyout", directory / f"{name}.key", "-out", directory / f"{name}.csr"),
    )
    extensions = directory / f"{name}.ext"
    extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
    openssl(
        *("x509", "-req", "-days", "30", "-in", directory / f"{name}.csr", "-extfile", extensions, "-CAcreateserial"),
        *("-CA", directory / f"{authority}.pem", "-CAkey", directory / f"{authority}.key", "-out", directory / f"{name}.pem"),
    )


def make_certificates(directory):
    make_authority(directory, "ca")
    make_authority(directory, "other-ca")
    make_certificate(directory, "server", "ca", NAME, NAME6)
    make_certificate(directory, "stranger", "other-ca", NAME)
    make_certificate(directory, "client", "ca", "gateway")


class GatewayWithClock(harness.Gateway):
    """The test says whether the host's clock is synchronised."""

    @property
    def clock_mark(self):
        return self.directory / "synchronised"

    def daemon_wrapper(self):
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return [
            *("env", f"LD_PRELOAD={harness.program('ESPAT_HOST_CLOCK')}", f"ESPAT_TEST_CLOCK={self.clock_mark}"),
            f"ASAN_OPTIONS={sanitizer}",
        ]

    def start_daemon(self, wait_until_ready=True):
        self.clock_mark.touch()
        super().start_daemon(wait_until_ready)


class TlsTest(harness.GatewayTest):
    """Joined to an access point with IPv4 and IPv6 behind it."""

    gateway_class = GatewayWithClock
    dialect = "esp32c61"

    @classmethod
    def setUpClass(cls):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="espat-tls-"))
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        make_certificates(directory)
        cls.certificates = directory
        world = harness.default_world()
        world["access-points"][0]["ipv6"] = {"prefix": PREFIX}
        files = {"client_ca.0": "ca.pem", "client_cert.0": "client.pem", "client_key.0": "client.key"}
        files |= {"mqtt_ca.0": "ca.pem", "mqtt_cert.0": "client.pem", "mqtt_key.0": "client.key"}
        world["certificates"] = {name: str(directory / file) for name, file in files.items()}
        cls.options = {**harness.GatewayTest.options, "world": world, "log_level": "trace", "dialect": cls.dialect}
        super().setUpClass()
        servers = pathlib.Path(__file__).with_name("tls_servers.py")
        addresses = f"{harness.WEB},{harness.WEB6}"
        process = cls.gateway.spawn_far("tls-servers", sys.executable, servers, addresses, directory, stdout=subprocess.PIPE)
        process.wait_for_line()

    def rule(self, name, *arguments, **options):
        result = self.gateway.espatctl("tls", "add", name, *arguments, **options)
        self.addCleanup(self.gateway.espatctl, "tls", "remove", name, check=False)
        return result
