"""TLS servers of the far world. Usage: tls_servers.py ADDRESS[,...] DIRECTORY, with the certificates that tls_gateway.py made.

  8443  answers any HTTP request with what it knows of the connection, as JSON: server name, protocol, certificate of the client. Its
        certificate comes from the module's CA; speaks http/1.1 (ALPN)
  8444  the same with a certificate of a CA that nobody knows
  8445  as 8443, and wants a certificate of the client
  8447  everything back
  8448  reads a line with a count, answers with pattern(count) and closes
"""

import asyncio
import json
import pathlib
import ssl
import sys

from far_world import pattern


def context(directory, name, wants_client=False):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
    made.set_alpn_protocols(["http/1.1"])
    if wants_client:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(directory / "ca.pem")
    # The name that the client sent is kept where the answer finds it.
    made.sni_callback = lambda connection, server_name, _: setattr(connection, "asked_for", server_name)
    return made


async def describe(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    connection = writer.get_extra_info("ssl_object")
    certificate = connection.getpeercert() or {}
    subject = {key: value for part in certificate.get("subject", ()) for key, value in part}
    body = json.dumps(
        {
            "server_name": getattr(connection, "asked_for", None),
            "version": connection.version(),
            "alpn": connection.selected_alpn_protocol(),
            "client": subject.get("commonName"),
        }
    ).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    await writer.drain()


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def answer_and_end(reader, writer):
    writer.write(pattern(int(await reader.readline())))
    await writer.drain()


def server(serve):
    async def handler(reader, writer):
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    return handler


async def main(addresses, directory):
    directory = pathlib.Path(directory)
    for port, serve, name, wants_client in (
        (8443, describe, "server", False),
        (8444, describe, "stranger", False),
        (8445, describe, "server", True),
        (8447, echo, "server", False),
        (8448, answer_and_end, "server", False),
    ):
        await asyncio.start_server(server(serve), addresses.split(","), port, ssl=context(directory, name, wants_client))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
