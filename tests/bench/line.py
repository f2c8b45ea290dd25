"""How much of the serial line reaches programs: down, up, both ways, shared, and what a small request costs."""

import json
import statistics
import time

import at_dialogue
import figures
import harness
import streams

RECEIVE_WINDOW = 5760  # bytes of the module per link (QUIRKS 79)
ROUND_TRIP = 0.005  # seconds, the simulator's default
TURN_AROUND = 0.002
TRANSMIT_BUFFER = 8192  # bytes of the module's UART (QUIRKS 18)
CONSENT = 8192  # bytes that may be ahead of what it has taken (QUIRKS 13)
PORTION = 512  # bytes that a long send passes on and reports at once
REQUEST = 64  # bytes
# A firmware that is not known to do AT+CIPSENDL well.
WITHOUT_LONG_SENDS = "AT version:4.0.0.0(s-b1dca01 - ESP32 - Jul 10 2023 11:41:05)\r\nSDK version:v5.0\r\nBin version:v4.0.0.0(WROOM-32)\r\n"


def gateway(rate, **options):
    return harness.Gateway(log_level="warning", **{"baud-rate": rate, "flow-control": "rts-cts"}, **options)


def named(what, rate):
    return f"{what}, {rate} baud"


def share_of(rate, size, seconds):
    return size / seconds / (rate / 10)


def download_ceiling(rate):
    """An +IPD carries at most 2920 bytes behind about 35 of its own; one window at the most comes per round trip."""
    return min(2920 / 2955, RECEIVE_WINDOW / ROUND_TRIP / (rate / 10))


def upload_ceiling(rate):
    """An AT+CIPSEND moves at most 8192 bytes, and costs about 90 bytes of dialogue and two turn-arounds."""
    return 8192 / (8192 + 90 + 2 * TURN_AROUND * rate / 10)


def upload_beside_download_worst():
    """A long send may be 8192 bytes ahead of what the module has said it took (QUIRKS 13). It says so every 512 bytes, and that waits
    behind a download in its transmit buffer, which holds between 5272 and 8192 bytes (QUIRKS 18, reports of up to 2920). Always full, it
    would leave this share of the line to the upload; less full, all of it."""
    return CONSENT / (TRANSMIT_BUFFER + PORTION)


def download_beside_upload_ceiling(rate, upload_share):
    """A report of about 25 bytes for each 512 of the upload."""
    return min(download_ceiling(rate), 1 - 35 / 2955 - upload_share * 25 / PORTION)


def blocks_beside_download_ceiling(rate):
    """What announcements of 500 ms would reach: the prompt and the SEND OK each wait behind the transmit buffer."""
    return 0.5 / (0.5 + 2 * TRANSMIT_BUFFER / (rate / 10))


def long_upload_ceiling(rate):
    """An AT+CIPSENDL moves 500 ms of the line, and costs the same."""
    block = rate / 10 / 2
    return block / (block + 90 + 2 * TURN_AROUND * rate / 10)


def transfers(rate, seconds):
    """Whole transfers by curl, then both directions at once."""
    size = int(rate / 10 * seconds)
    with gateway(rate) as host:
        host.join()
        with figures.Busy() as busy:
            took = streams.curl_download(host, size)
        yield figures.Figure(
            named("download", rate), share_of(rate, size, took), "share",
            goal=min(0.97, RECEIVE_WINDOW / ROUND_TRIP / (rate / 10)), ceiling=download_ceiling(rate), busy=busy.share,
            limit="header of each +IPD; the module's receive window per round trip",
        )  # fmt: skip
        with figures.Busy() as busy:
            took = streams.curl_upload(host, size)
        yield figures.Figure(
            named("upload with CIPSENDL", rate), share_of(rate, size, took), "share", goal=0.95,
            ceiling=long_upload_ceiling(rate), busy=busy.share, limit="two turn-arounds for each 500 ms block",
        )  # fmt: skip
        with figures.Busy() as busy, streams.Endless(), streams.Upload():
            # The daemon asks for the module's state after a join; then nobody but the two streams speaks.
            down, up = streams.rates_of_module(host, seconds, begin=8 if seconds > 1 else 1)
        yield figures.Figure(
            named("both ways at once, down", rate), down / (rate / 10), "share", goal=0.9, busy=busy.share,
            ceiling=download_beside_upload_ceiling(rate, up / (rate / 10)), limit="a report for each 512 bytes of the upload",
        )  # fmt: skip
        yield figures.Figure(
            named("both ways at once, up", rate), up / (rate / 10), "share", goal=0.9, ceiling=1.0, busy=busy.share,
            limit="8192 bytes ahead of reports that wait behind the download "
            f"({upload_beside_download_worst():.0%} if its buffer were always full); "
            f"announcements of 500 ms would reach {blocks_beside_download_ceiling(rate):.0%}, as prompt and SEND OK wait, too",
        )  # fmt: skip


def short_sends(rate, seconds, goal):
    size = int(rate / 10 * seconds)
    world = {**harness.default_world(), "firmware": {"version": WITHOUT_LONG_SENDS}}
    with gateway(rate, world=world, dialect="esp32-v4") as host:
        host.join()
        with figures.Busy() as busy:
            took = streams.curl_upload(host, size)
    yield figures.Figure(
        named("upload with CIPSEND only", rate), share_of(rate, size, took), "share", goal=goal,
        ceiling=upload_ceiling(rate), busy=busy.share, limit="8192-byte blocks, two turn-arounds each",
    )  # fmt: skip


def fairness(rate, seconds):
    """Jain's index over what each of the uploads got that share all links for TCP, and what they got together."""
    with gateway(rate) as host:
        host.join()
        uploads = [streams.Upload() for _ in range(streams.TCP_LINKS)]
        with figures.Busy() as busy, streams.all_of(uploads):
            time.sleep(1)
            before = streams.sent_by_link(host)
            begin = time.monotonic()
            time.sleep(seconds)
            sent = streams.sent_by_link(host)
            took = time.monotonic() - begin
    got = [sent[link] - before.get(link, 0) for link in sent]
    index = sum(got) ** 2 / (len(got) * sum(value * value for value in got)) if any(got) else 0
    yield figures.Figure(
        named(f"{streams.TCP_LINKS} uploads in parallel, Jain's index", rate), index, "", goal=0.95, ceiling=1.0, busy=busy.share,
        limit="a fifth would wait: one link is kept for UDP",
    )  # fmt: skip
    yield figures.Figure(
        named(f"{streams.TCP_LINKS} uploads together", rate), sum(got) / took / (rate / 10), "share", ceiling=upload_ceiling(rate),
        busy=busy.share, limit="blocks of 100 ms, so that nobody waits longer",
    )  # fmt: skip


def small_request(rate, count):
    """An echo of 64 bytes through esp0, beside the same by AT commands alone."""
    with gateway(rate) as host:
        host.join()
        with figures.Busy() as busy, streams.Echo() as echo:
            through = statistics.median(echo.ask(REQUEST) for _ in range(count))
        host.stop_daemon()
        with at_dialogue.Module(host.module.port, rate) as module:
            host.module.control(do="reset")
            bare = statistics.median(module.join_and_echo(host.module.access_point, harness.WEB, REQUEST, count))
    yield figures.Figure(named("64-byte request by AT commands alone", rate), bare * 1000, "ms", busy=busy.share)
    yield figures.Figure(
        named("64-byte request over TUN: more than that", rate), (through - bare) * 1000, "ms", goal=1.0, at_most=True,
        ceiling=0.0, busy=busy.share, limit="two more processes: kernel and daemon",
    )  # fmt: skip


def beside_bulk(rate, seconds, bulk):
    """What a small request waits while somebody downloads or uploads as fast as it goes."""
    with gateway(rate) as host:
        host.join()
        load = streams.Endless() if bulk == "download" else streams.Upload()
        with figures.Busy() as busy, load, streams.Echo() as echo:
            time.sleep(1)
            limit = time.monotonic() + seconds
            times = []
            while time.monotonic() < limit or len(times) < 3:
                times.append(echo.ask(REQUEST) * 1000)
                time.sleep(0.02)
    times.sort()
    window = RECEIVE_WINDOW / (rate / 10) * 1000
    for percent in (50, 90, 99):
        yield figures.Figure(
            named(f"64-byte request beside a bulk {bulk}, p{percent}", rate), times[min(len(times) - 1, len(times) * percent // 100)],
            "ms", busy=busy.share,
            limit=f"prompt and answer each wait behind what the module has to say, a window is {window:.0f} ms" if bulk == "download"
            else "a block of at most 100 ms before it",
        )  # fmt: skip


def many_connections(count):
    """Short connections, four at a time."""
    with gateway(921600) as host:
        host.join()
        with figures.Busy() as busy:
            failed, seconds = streams.short_connections(host, count, streams.TCP_LINKS)
        resets = json.loads(streams.counters_text(host))["data"][0]["connects"]
    yield figures.Figure(
        f"{count} short connections over {streams.TCP_LINKS} links: failed", failed, "", goal=0, at_most=True, ceiling=0, busy=busy.share,
        limit=f"{resets} connects of the module",
    )  # fmt: skip
    yield figures.Figure(
        "short connections per second", count / seconds, "1/s", busy=busy.share,
        limit="a program's FIN may be a half-close: while others wait, its link stays 1 s for an answer",
    )  # fmt: skip
