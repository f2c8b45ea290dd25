"""A server in front of the broker, which says what it was asked for. Usage: mqtt_gate.py ADDRESS DIRECTORY

  8885  TLS, for the broker's port for plain MQTT. Takes only who offers the ALPN protocol "espat-test"
  8886  TLS, for the broker's port for WebSocket
  8887  plain, for the same
For each connection it prints what it knows of it as a line of JSON: port, server name, ALPN protocol, and of a WebSocket the first line
of the request. DIRECTORY holds the certificates that tls_gateway.py made.
"""

import asyncio
import json
import pathlib
import ssl
import sys

PROTOCOL = "espat-test"


def context(directory):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(directory / "server.pem", directory / "server.key")
    made.set_alpn_protocols([PROTOCOL])
    made.sni_callback = lambda connection, server_name, _: setattr(connection, "asked_for", server_name)
    return made


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def gate(address, port, broker):
    async def serve(reader, writer):
        web = broker == 9001
        first = await (reader.readuntil(b"\r\n\r\n") if web else reader.read(65536))
        connection = writer.get_extra_info("ssl_object")
        alpn = connection and connection.selected_alpn_protocol()
        line = first.split(b"\r\n")[0].decode() if web else None
        name = getattr(connection, "asked_for", None)
        print(json.dumps({"port": port, "server_name": name, "alpn": alpn, "request": line}), flush=True)
        if port == 8885 and alpn != PROTOCOL:
            return writer.close()
        far_reader, far_writer = await asyncio.open_connection(address, broker)
        far_writer.write(first)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    return serve


async def main(address, directory):
    secure = context(pathlib.Path(directory))
    for port, broker, tls in ((8885, 1883, secure), (8886, 9001, secure), (8887, 9001, None)):
        await asyncio.start_server(gate(address, port, broker), address, port, ssl=tls)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
