"""Pictures (CHECKS C14-C15, C18-C23): what is refused, how fast, and what is made of the rest."""

from __future__ import annotations

import io
import os
import random
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import httpx
import live
import pytest
from PIL import Image

from glasswork.server import pictures, uploads
from glasswork.server.pictures import PictureError
from glasswork.server.run import LocalServer
from glasswork.server.workers import Decoders

ERROR = {"what", "where", "why", "todo"}


def post(server: LocalServer, body: Any, kind: str = "image/png", **headers: str) -> httpx.Response:
    with live.client(server, Origin=server.origin) as browser:
        return browser.post("/inputs", content=body, headers={"Content-Type": kind, **headers}, timeout=20)


def kept(server: LocalServer, name: str) -> Image.Image:
    with live.client(server) as browser:
        answer = browser.get(f"/inputs/{name}")
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that declares a size, whatever its rows hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WebP", "BMP"])
def test_each_format_is_read_by_its_content(server: LocalServer, kind: str) -> None:
    answer = post(server, live.picture(20, 10, kind), "image/gif")  # whatever the header says
    assert answer.status_code == 201
    facts = answer.json()
    original = {"width": 20, "height": 10, "format": kind, "frames": 1, "orientation": 1, "alpha": False}
    assert facts["original"] == original
    assert (facts["width"], facts["height"], facts["notes"]) == (20, 10, [])
    image = kept(server, facts["id"])
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (20, 10))


def test_pixels_arrive_as_they_were(server: LocalServer) -> None:
    made = Image.effect_noise((64, 48), 90).convert("RGBA")
    made.putalpha(Image.linear_gradient("L").resize((64, 48)))
    out = io.BytesIO()
    made.save(out, "PNG")
    facts = post(server, out.getvalue()).json()
    assert facts["original"]["alpha"] is True
    assert kept(server, facts["id"]).tobytes() == made.tobytes()
    assert post(server, out.getvalue()).json()["id"] == facts["id"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_and_told(server: LocalServer, orientation: int) -> None:
    upright = Image.linear_gradient("L").resize((30, 20)).convert("RGB")
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Transpose that a camera of this orientation did
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    stored.save(out, "PNG", exif=exif)
    facts = post(server, out.getvalue()).json()
    assert facts["original"]["orientation"] == orientation
    assert len(facts["notes"]) == (orientation > 1)
    found = kept(server, facts["id"])
    assert found.size == (30, 20)
    assert found.tobytes() == upright.tobytes()


def test_of_an_animation_the_first_frame_is_used_and_told(server: LocalServer) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WebP", "PNG"):
        out = io.BytesIO()
        frames[0].save(
            out, kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WebP" else {})
        )
        facts = post(server, out.getvalue()).json()
        assert facts["original"]["frames"] == 3
        assert "1 of 3" in facts["notes"][0]
        assert kept(server, facts["id"]).convert("RGB").getpixel((4, 4)) == (255, 0, 0)


def test_modes_that_screens_do_not_have_become_rgb(server: LocalServer) -> None:
    wide = Image.new("I;16", (4, 4), 0x8040)
    for made, wanted in (
        (wide, (0x80, 0x80, 0x80)),
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("L", (4, 4), 77), (77, 77, 77)),
        (Image.new("P", (4, 4), 0), (0, 0, 0)),
    ):
        out = io.BytesIO()
        made.save(out, "PNG")
        facts = post(server, out.getvalue()).json()
        assert kept(server, facts["id"]).getpixel((1, 1)) == wanted, made.mode
    out = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(out, "JPEG")
    red = kept(server, post(server, out.getvalue(), "image/jpeg").json()["id"]).getpixel((1, 1))
    assert isinstance(red, tuple)
    assert red[0] > 200 > 60 > max(red[1:])


@pytest.mark.parametrize(("size", "wanted"), [((1, 1), (1, 1)), ((30_000, 1), (2048, 1)), ((1, 30_000), (1, 2048))])
def test_very_small_and_very_long_pictures_are_pictures(
    server: LocalServer, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    facts = post(server, live.picture(*size)).json()
    assert (facts["original"]["width"], facts["original"]["height"]) == size
    assert (facts["width"], facts["height"]) == wanted
    assert kept(server, facts["id"]).size == wanted
    assert ("2,048" in " ".join(facts["notes"])) == (size != wanted)


def test_c18_a_picture_that_declares_too_much_is_refused_from_its_header(server: LocalServer) -> None:
    post(server, live.picture())  # the worker is there
    before, begun = rss(), time.monotonic()
    gif = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0)
    gif += b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x08\x01\x00\x00;"
    webp = b"VP8X" + struct.pack("<I", 10) + b"\x00" * 4 + (16_382).to_bytes(3, "little") * 2
    webp = b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp
    bmp = b"BM" + struct.pack("<IHHIIiiHHII", 54, 0, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0) + bytes(16)
    for body in (png(50_000, 50_000), png(2**31 - 1, 2**31 - 1), png(70_000, 1), gif, webp, bmp):
        answer = post(server, body)
        assert answer.status_code == 413, answer.text
        assert set(answer.json()) == ERROR
        assert "40 million" in answer.json()["why"]
    assert time.monotonic() - begun < 3
    assert rss() - before < 50 << 20


def test_c19_a_real_picture_of_169_megapixels_is_over_our_own_limit(server: LocalServer) -> None:
    assert post(server, png(13_000, 13_000, bytes(13_001 * 13_000))).status_code == 413


def test_c20_what_is_no_picture_gets_a_message(server: LocalServer) -> None:
    samples = {
        b"": 400,
        b"MZ\x90\x00" + bytes(200): 415,
        b"\x7fELF" + bytes(200): 415,
        b"%PDF-1.7\n" + bytes(200): 415,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n": 415,
        b"SIMPLE  =                    T" + b" " * 2850: 415,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>": 415,
        live.picture(kind="TIFF"): 415,
        live.picture(kind="ICO"): 415,
        live.picture(kind="PPM"): 415,
        b"PK\x03\x04" + bytes(100): 415,
        bytes(1000): 415,
        b"\x89PNG\r\n\x1a\n": 415,
    }
    for body, status in samples.items():
        answer = post(server, body)
        assert answer.status_code == status, body[:10]
        assert set(answer.json()) == ERROR
        assert all(answer.json().values())


def garble(rounds: int) -> None:
    """Cut and spoil pictures in many places; each ends in a picture or in a refusal of the four kinds."""
    chance = random.Random(20)
    decoders = Decoders()
    seen = set()
    try:
        for number in range(rounds):
            kind = ("PNG", "JPEG", "GIF", "WEBP", "BMP")[number % 5]
            body = bytearray(live.picture(60, 40, kind))
            at = chance.randrange(len(body))
            if number % 2:
                body = body[:at]
            else:
                body[at : at + 8] = chance.randbytes(8)
            try:
                _, made = decoders.decode(bytes(body))
                seen.add(201 if made.startswith(b"\x89PNG") else 0)
            except PictureError as error:
                seen.add(error.status if error.what and error.why and error.todo else 0)
    finally:
        decoders.close()
    assert seen <= {201, 400, 413, 415, 422}
    assert {201, 422} <= seen


def test_c20_garbled_pictures_get_a_message() -> None:
    garble(500)


@pytest.mark.slow
def test_c20_garbled_pictures_get_a_message_at_many_places() -> None:
    garble(5000)


CRASHES = "import os, sys; sys.stdin.buffer.read(9); os.abort()"
HANGS = "import sys, time; sys.stdin.buffer.read(9); time.sleep(60)"
LIES = "import sys; sys.stdin.buffer.read(9); sys.stdout.buffer.write(b'\\0' * 7 + b'\\x03nop'); sys.stdout.flush()"


@pytest.mark.parametrize("program", [CRASHES, HANGS, LIES], ids=["crashes", "hangs", "lies"])
def test_c20_a_worker_that_dies_is_a_refusal_and_the_pool_refills(program: str) -> None:
    decoders = Decoders((sys.executable, "-c", program), seconds=0.5, count=1)
    for _ in range(3):
        with pytest.raises(PictureError, match="could not be decoded") as refused:
            decoders.decode(live.picture())
        assert refused.value.status == 422
    decoders.command = Decoders().command
    decoders.seconds = 10
    assert decoders.decode(live.picture())[0]["width"] == 8
    decoders.close()


def test_c20_a_worker_killed_while_idle_is_replaced(fresh: LocalServer) -> None:
    assert post(fresh, live.picture()).status_code == 201
    workers = [fresh.app.state.decoders.free.get() for _ in range(2)]
    for worker in workers:
        if worker:
            worker.process.kill()
            worker.process.wait()
        fresh.app.state.decoders.free.put(worker)
    assert {post(fresh, live.picture()).status_code for _ in range(3)} <= {201, 422}
    assert post(fresh, live.picture()).status_code == 201


def test_c20_the_worker_is_confined_and_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """if True:
        import os, resource, sys
        from glasswork.server import pictures
        pictures.confine()
        assert 'torch' not in sys.modules
        assert 'GLASSWORK_TOKEN' not in os.environ, 'secret'
        assert resource.getrlimit(resource.RLIMIT_AS)[0] == pictures.MEMORY
        assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 0
        try: bytearray(3 << 30)
        except MemoryError: pass
        else: raise AssertionError('memory')
        print('confined', file=sys.stderr)
        sys.stderr.flush()
        pictures.serve(sys.stdin.buffer, sys.stdout.buffer)
    """
    monkeypatch.setenv("GLASSWORK_TOKEN", live.SECRET)
    decoders = Decoders((sys.executable, "-P", "-c", code), count=1)
    assert decoders.decode(live.picture())[0]["width"] == 8
    decoders.close()


def head(server: LocalServer, *lines: str) -> bytes:
    """The head of an upload, as raw bytes."""
    fields = {
        "Host": f"127.0.0.1:{server.settings.port}",
        "Origin": server.origin,
        "Content-Type": "image/png",
        **live.cookie(server),
    }
    told = [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(["POST /inputs HTTP/1.1", *told, *lines, "", ""]).encode()


def dribble(server: LocalServer, sent: bytes, part: bytes, pause: float, most: int) -> tuple[int, int]:
    """Send a body in parts for as long as the server lets us; the status, and how many bytes were sent."""
    count = 0
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=5) as wire:
        wire.sendall(sent)
        wire.settimeout(max(pause, 0.001))
        answer = b""
        while count < most:
            try:
                wire.sendall(part)
                count += len(part)
            except (TimeoutError, ConnectionError):
                break
            try:
                if not (more := wire.recv(4096)):
                    break
                answer += more
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return live.status(answer), count


def test_c21_a_body_is_cut_at_the_cap_whatever_was_promised(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "BYTES", 1 << 20)
    big = 1 << 16
    assert dribble(server, head(server, f"Content-Length: {2 << 20}"), b"x" * big, 0, 4 << 20)[0] == 413
    chunk = f"{big:x}\r\n".encode() + b"x" * big + b"\r\n"
    status, sent = dribble(server, head(server, "Transfer-Encoding: chunked"), chunk, 0, 64 << 20)
    assert status == 413
    assert sent < 32 << 20
    for lie in ("-1", "1e3", "0x10", "1, 2", "99999999999999999999", " ", "1_000"):
        assert live.status(live.raw(server, head(server, f"Content-Length: {lie}") + b"x" * 9)) in (400, 413), lie
    both = head(server, "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
    assert live.status(live.raw(server, both)) == 400


def test_c21_a_slow_body_is_dropped_and_others_do_not_wait(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "SECONDS", 1.0)
    found: list[tuple[int, int]] = []
    sent = head(server, f"Content-Length: {1 << 20}")
    slow = [threading.Thread(target=lambda: found.append(dribble(server, sent, b"x", 0.1, 300))) for _ in range(8)]
    begun = time.monotonic()
    for one in slow:
        one.start()
    waits = []
    with live.client(server) as browser:
        for _ in range(40):
            asked = time.perf_counter()
            assert browser.get("/").status_code == 200
            waits.append(time.perf_counter() - asked)
    for one in slow:
        one.join()
    assert time.monotonic() - begun < 5
    assert [status for status, _ in found] == [408] * 8
    assert statistics.quantiles(waits, n=20)[-1] < 0.2


def test_c21_who_leaves_in_the_middle_of_an_upload_leaves_nothing(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    before = sorted(server.app.state.store.folder.iterdir())
    with socket.create_connection(("127.0.0.1", server.settings.port)) as wire:
        wire.sendall(head(server, "Content-Length: 1000") + b"half")
    assert post(server, b"").status_code == 400
    assert sorted(server.app.state.store.folder.iterdir()) == before
    assert not caplog.records


def test_c22_forms_with_files_are_not_read_at_all(server: LocalServer) -> None:
    form = "multipart/form-data; boundary=x"
    fields = b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % i for i in range(100_000))
    before, begun = rss(), time.monotonic()
    assert post(server, fields, form).status_code == 415
    declared = head(server, f"Content-Length: {1 << 30}").replace(b"image/png", form.encode())
    assert dribble(server, declared, b"x" * (1 << 16), 0, 1 << 30)[0] == 415
    assert time.monotonic() - begun < 3
    assert rss() - before < 50 << 20


def test_c23_ranges_are_not_looked_at(server: LocalServer) -> None:
    ranges = "bytes=" + ",".join(f"{i}-{i}" for i in range(4000))
    with live.client(server) as browser:
        for path in ("/", "/assets/index-a1.js"):
            begun = time.perf_counter()
            answer = browser.get(path, headers={"Range": ranges})
            assert answer.status_code == 200
            assert time.perf_counter() - begun < 0.5
        assert browser.get("/", headers={"Range": "bytes=" + "0-," * 10_000}).status_code in (200, 400)


def test_the_store_is_bounded_and_notices_a_changed_byte(fresh: LocalServer) -> None:
    store = fresh.app.state.store
    store.most = 3000
    names = []
    for number in range(12):
        out = io.BytesIO()
        Image.effect_noise((24, 24 + number), 90).convert("RGB").save(out, "PNG")
        names.append(post(fresh, out.getvalue()).json()["id"])
    held = list(store.folder.iterdir())
    assert sum(path.stat().st_size for path in held) <= 3000
    assert store.path(names[-1]) in held
    with live.client(fresh) as browser:
        gone = browser.get(f"/inputs/{names[0]}")
        assert (gone.status_code, set(gone.json())) == (404, ERROR)
        body = bytearray(store.path(names[-1]).read_bytes())
        body[-20] ^= 1
        store.path(names[-1]).write_bytes(body)
        assert "damaged" in browser.get(f"/inputs/{names[-1]}").json()["what"]


def test_a_full_disk_is_told(fresh: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(png: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fresh.app.state.store, "add", full)
    answer = post(fresh, live.picture())
    assert answer.status_code == 507
    assert "No space" in answer.json()["why"]


def test_pictures_are_refused_with_a_cap_that_pillow_does_not_have() -> None:
    with pytest.raises(PictureError) as refused:
        pictures.check_size(13_000, 13_000)
    assert refused.value.status == 413
    pictures.check_size(6_000, 6_000)


def test_importing_the_server_loads_no_torch() -> None:
    code = "import sys, glasswork.server.run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
