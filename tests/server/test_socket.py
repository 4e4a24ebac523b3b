"""The socket (CHECKS C24, two tabs, a browser that leaves in the middle, one that never reads)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import live
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from glasswork.scenes.messages import ListNetworks
from glasswork.server import socket as socket_module
from glasswork.server.run import LocalServer
from glasswork.server.session import GoneError, Job, Outbox


def ask(socket: ClientConnection, kind: str, number: int, **fields: Any) -> None:
    socket.send(json.dumps({"type": kind, "request": number, **fields}))


def scene(socket: ClientConnection, number: int, network: str) -> None:
    ask(socket, "open_scene", number, network=network, input="sample:1")


def answer(socket: ClientConnection, seconds: float = 5) -> dict[str, Any]:
    found = socket.recv(seconds)
    assert isinstance(found, str)
    return json.loads(found)


def until_end(socket: ClientConnection, number: int) -> list[str]:
    """The types of all answers, up to the last one of a request."""
    found = []
    while True:
        one = answer(socket)
        found.append(f"{one['type']} {one['request']}")
        if one["request"] == number and one["type"] in ("done", "failure"):
            return found


def closed_with(socket: ClientConnection, seconds: float = 5) -> int:
    """The code with which the server closes."""
    end = time.monotonic() + seconds
    try:
        while True:
            socket.recv(max(0.01, end - time.monotonic()))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0  # 0: it was cut without a word


def rss() -> int:
    """Resident bytes of this process, in which the server runs too."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_an_answer_ends_with_done(server: LocalServer) -> None:
    with live.page_socket(server) as socket:
        ask(socket, "list_networks", 1)
        assert answer(socket) == {"type": "networks", "request": 1, "networks": []}
        assert answer(socket) == {"type": "done", "request": 1}
        ask(socket, "fetch_tensors", 2, refs=["trace:1#a@value"])
        assert isinstance(socket.recv(5), bytes)
        assert answer(socket) == {"type": "done", "request": 2}


def test_a_failure_says_what_where_why_and_what_to_do(server: LocalServer) -> None:
    with live.page_socket(server) as socket:
        ask(socket, "explain_number", 3, ref="x")
        told = {"what": "no such thing", "where": "here", "why": "it is a test", "todo": "Do nothing."}
        assert answer(socket) == {"type": "failure", "request": 3, **told}


def test_c13_a_crash_tells_the_page_a_number_and_the_log_the_rest(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    with live.page_socket(server) as socket:
        scene(socket, 4, "crashes")
        told = answer(socket)
        assert told["type"] == "failure"
        assert live.SECRET not in json.dumps(told)
        report = told["why"].partition("report ")[2].rstrip(")")
        assert report in caplog.text
        assert "in scene" in caplog.text, "the traceback"
        scene(socket, 5, "works")
        assert until_end(socket, 5) == ["maps 5", "done 5"]


def test_a_newer_request_replaces_the_older_one_of_its_slot(server: LocalServer) -> None:
    live.ended.clear()
    with live.page_socket(server) as socket:
        for number in range(10, 20):
            scene(socket, number, f"slow {number}")
            if number == 10:
                assert answer(socket)["request"] == 10  # it runs
        scene(socket, 20, "last")
        stale = [one for one in until_end(socket, 20) if not one.endswith(" 20")]
        assert not [one for one in stale if one.startswith("done")], "stale ends were sent"
        assert len(stale) <= 1
    live.until(lambda: "last" in live.ended)
    assert "slow 10" in live.ended


def test_a_request_can_be_cancelled(server: LocalServer) -> None:
    with live.page_socket(server) as socket:
        scene(socket, 1, "slow")
        answer(socket)
        ask(socket, "cancel", 2, cancels=1)
        live.until(lambda: live.started[-1][1].cancelled.is_set())
        ask(socket, "cancel", 3, cancels=12345)  # what isn't there needn't be cancelled
        ask(socket, "list_networks", 4)
        assert until_end(socket, 4) == ["networks 4", "done 4"]


def test_light_requests_do_not_wait_for_a_heavy_one_and_heavy_ones_run_one_at_a_time(server: LocalServer) -> None:
    live.heavy_at_once.clear()
    with live.page_socket(server) as one, live.page_socket(server) as other:
        scene(one, 1, "slow")
        answer(one)
        scene(other, 1, "works")
        begun = time.monotonic()
        ask(other, "list_networks", 2)
        assert until_end(other, 2) == ["networks 2", "done 2"]
        assert time.monotonic() - begun < 2  # the slow one takes 30 s
        ask(one, "cancel", 2, cancels=1)
        assert until_end(other, 1) == ["maps 1", "done 1"]
    assert max(live.heavy_at_once) == 1


def test_two_tabs_do_not_replace_each_other(server: LocalServer) -> None:
    with live.page_socket(server) as one, live.page_socket(server) as other:
        scene(one, 1, "slow one")
        answer(one)
        mine = live.started[-1][1]
        scene(other, 1, "works")
        ask(other, "cancel", 2, cancels=1)  # the other tab's own request 1
        ask(other, "list_networks", 3)
        assert until_end(other, 3) == ["networks 3", "done 3"]
        assert not mine.cancelled.is_set()
    live.until(mine.cancelled.is_set)


def test_a_browser_that_leaves_in_the_middle_stops_the_work_without_noise(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    live.ended.clear()
    close_frame = bytes([0x88, 0x80 | 2, 0, 0, 0, 0, 0x03, 0xE9])
    for last_word in (close_frame, b""):
        with live.raw_page_socket(server) as wire:
            wire.sendall(live.text_frame({"type": "open_scene", "request": 1, "network": "slow talker", "input": "x"}))
            assert b"maps" in wire.recv(4096)
            work = live.started[-1][1]
            wire.sendall(last_word)
        live.until(work.cancelled.is_set)
        live.until(lambda: live.ended.pop() == "slow talker" if live.ended else False)
    assert not caplog.records
    with live.page_socket(server) as socket:
        ask(socket, "list_networks", 1)
        assert until_end(socket, 1)


def test_answers_of_a_replaced_request_that_still_wait_are_not_sent() -> None:
    async def talk() -> None:
        outbox = Outbox(most=10, patience=0.2)
        older, newer = (Job(ListNetworks(request=number)) for number in (1, 2))
        await outbox.put(older, "stale answer")
        waiting = asyncio.create_task(outbox.put(older, "more of it"))  # there is no room
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await outbox.drop(older)
        with pytest.raises(GoneError):
            await waiting
        await outbox.put(newer, "fresh answer")
        assert await outbox.take() == "fresh answer"
        assert outbox.bytes == 0
        await outbox.put(newer, "a long one, which fills it")
        with pytest.raises(TimeoutError):
            await outbox.put(newer, "nobody takes anything")
        await outbox.close()
        with pytest.raises(GoneError):
            await outbox.take()

    asyncio.run(talk())


BAD = [
    "",
    " ",
    "null",
    "[]",
    "1",
    '"x"',
    "{",
    "{}",
    '{"type": "list_networks"}',
    '{"type": "list_networks", "request": "1"}',
    '{"type": "list_networks", "request": 1.5}',
    '{"type": "list_networks", "request": NaN}',
    '{"type": "list_networks", "request": Infinity}',
    '{"type": "list_networks", "request": -Infinity}',
    '{"type": "list_networks", "request": 1e999}',
    '{"type": "list_networks", "request": 1, "more": 1}',
    '{"type": "list_networks", "request": 1} {"type": "list_networks", "request": 2}',
    '{"type": "__import__", "request": 1}',
    '{"type": "\x1b[31m", "request": 1}',
    '{"type": "fetch_tensors", "request": 1, "refs": [' + "[" * 30_000 + "]" * 30_000 + "]}",
    "[" * 60_000,
    '{"a":' * 12_000,
    '{"type": "fetch_tensors", "request": 1, "refs": "x"}',
    '{"type": "open_scene", "request": 1, "network": "\\ud800", "input": "x"}',
]


@pytest.mark.parametrize("message", BAD, ids=lambda message: ascii(message[:50]))
def test_c24_what_is_no_request_ends_the_connection(server: LocalServer, message: str) -> None:
    with live.page_socket(server) as socket:
        socket.send(message)
        assert closed_with(socket) == 1008


def test_c24_bytes_and_long_messages_end_the_connection(server: LocalServer) -> None:
    for message, code in ((b"{}", 1003), ("x" * 65_537, 1009), ("x" * 5_000_000, 1009), ("é" * 40_000, 1009)):
        with live.page_socket(server) as socket:
            with contextlib.suppress(ConnectionClosed):
                socket.send(message)
            assert closed_with(socket) == code


def test_c24_nothing_is_inflated(server: LocalServer) -> None:
    """A bomb needs a compression that was agreed on; none is, and a compressed frame breaks the protocol."""
    with live.page_socket(server) as socket:
        assert socket.response
        assert "sec-websocket-extensions" not in socket.response.headers
        # Text, its "compressed" bit set, masked with zeros.
        socket.socket.sendall(bytes([0b1100_0001, 0x80 | 4, 0, 0, 0, 0]) + b"bomb")
        assert closed_with(socket) == 1002


def test_c24_a_flood_of_messages_ends_and_others_do_not_feel_it(server: LocalServer) -> None:
    codes = []

    def flood() -> None:
        for _ in range(3):
            with live.page_socket(server) as flooder:
                with contextlib.suppress(ConnectionClosed):
                    for number in range(10_000):
                        ask(flooder, "cancel", number, cancels=0)
                codes.append(closed_with(flooder))

    waits = []
    with live.page_socket(server) as bystander:
        flooding = threading.Thread(target=flood)
        flooding.start()
        for number in range(100):
            begun = time.perf_counter()
            ask(bystander, "list_networks", number)
            until_end(bystander, number)
            waits.append(time.perf_counter() - begun)
        flooding.join()
    assert codes == [1008] * 3
    assert statistics.quantiles(waits, n=20)[-1] < 0.2


def test_c24_too_many_unanswered_requests_end_the_connection(server: LocalServer) -> None:
    with live.page_socket(server) as socket:
        scene(socket, 0, "slow")
        with contextlib.suppress(ConnectionClosed):  # the end may come while the last ones are still being sent
            for number in range(1, 70):
                ask(socket, "fetch_tensors", number, refs=[str(number)])  # each has a slot of its own
        assert closed_with(socket) == 1013


def test_c47_a_page_that_never_reads_is_dropped_and_holds_little(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "Outbox", functools.partial(Outbox, most=4 << 20, patience=0.5))
    live.ended.clear()
    before = rss()
    with live.raw_page_socket(server) as sleeper:
        sleeper.sendall(live.text_frame({"type": "open_scene", "request": 1, "network": "floods", "input": "x"}))
        live.until(lambda: "floods" in live.ended, 20)  # it would send 500 MB
        assert rss() - before < 50 << 20
    with live.page_socket(server) as other:
        scene(other, 2, "works")
        assert until_end(other, 2) == ["maps 2", "done 2"]


def test_c47_a_page_that_never_reads_holds_up_no_other(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "Outbox", functools.partial(Outbox, most=4 << 20, patience=3))
    waits = []
    with live.raw_page_socket(server) as sleeper, live.page_socket(server) as other:
        for number in range(60):  # 60 MB of answers, each in a view of its own
            course = {"type": "open_course", "request": number, "run": "a", "view": f"view {number}"}
            sleeper.sendall(live.text_frame(course))
        for number in range(40):
            begun = time.perf_counter()
            ask(other, "open_course", number, run="a")
            assert isinstance(other.recv(5), bytes)
            assert answer(other) == {"type": "done", "request": number}
            waits.append(time.perf_counter() - begun)
        assert max(waits) < 2  # it took its whole patience when one thread waited for all
        live.until(lambda: len(server.server.server_state.connections) == 1)  # then it is dropped


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts Linux's open files")
def test_c47_pages_that_come_and_go_leave_nothing_open(server: LocalServer) -> None:
    def visit(times: int) -> int:
        for _ in range(times):
            with live.raw_page_socket(server) as wire:
                wire.sendall(live.text_frame({"type": "list_networks", "request": 1}))
                wire.recv(100)
        live.until(lambda: not server.server.server_state.connections)
        return len(os.listdir("/proc/self/fd"))

    assert visit(200) - visit(5) <= 2


def test_c24_a_refusal_is_no_noise_in_the_log(server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with live.page_socket(server) as socket:
        socket.send("no json")
        assert closed_with(socket) == 1008
    assert not [one for one in caplog.records if one.exc_info]
