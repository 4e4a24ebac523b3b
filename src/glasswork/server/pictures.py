"""Turns the bytes of a picture into the plain PNG that the rest of the program sees.

Runs as a process of its own (`python -m glasswork.server.pictures [LONGEST]`), since decoders are where hostile
pictures bite: nothing but Pillow is loaded, memory is bounded, and no file can be written. Answers on standard output
to what comes on standard input: a length (uint64, big-endian) and that many bytes; back come a JSON text and a PNG,
each with its length before it.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import warnings
from typing import Any, BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from glasswork.errors import GlassworkError
from glasswork.file_signatures import recognise

FORMATS = {"PNG": "PNG", "JPEG": "JPEG", "GIF": "GIF", "WEBP": "WebP", "BMP": "BMP"}
READ = "PNG, JPEG, GIF, WebP and BMP pictures are read"
PIXELS = 40_000_000
SIDE = 65_535
LONGEST = 2048  # of what is kept, unless the process is told another: the browser shows it at once
MEMORY = 2 << 30  # address space: 40 megapixels in RGBA four times over, and the libraries
ORIENTATION = 0x0112  # the EXIF tag


class PictureError(GlassworkError):
    """A picture that is refused, with the HTTP status that says how."""

    def __init__(self, status: int, what: str, why: str, todo: str) -> None:
        super().__init__(what, where="the uploaded picture", why=why, todo=todo)
        self.status = status


def normalise(body: bytes, longest: int = LONGEST) -> tuple[dict[str, Any], bytes]:
    """The facts of a picture, and it as an upright 8-bit RGB or RGBA PNG of at most `longest` pixels a side.

    Raises:
        PictureError: it is none, is broken, or is too large.
    """
    try:
        image = Image.open(io.BytesIO(body), formats=tuple(FORMATS))
        check_size(*image.size)
        facts, picture = read(image, longest)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise too_large("it declares more pixels than that") from error
    except UnidentifiedImageError as error:
        raise PictureError(
            415 if body else 400, "this is not a picture that can be read", recognise(body), f"Only {READ}."
        ) from error
    except MemoryError as error:
        raise too_large("decoding it needs more memory than is allowed") from error
    except Exception as error:  # decoders raise anything at all on hostile bytes
        raise PictureError(
            422,
            "this picture is broken",
            f"its data cannot be decoded: {error or type(error).__name__}",
            "Open it in a picture editor and save it again.",
        ) from error
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)  # higher levels take seconds for a photograph
    return facts, out.getvalue()


def check_size(width: int, height: int) -> None:
    """Refuse what is too large, by what the header declares, before anything is decoded."""
    if width * height > PIXELS or max(width, height) > SIDE:
        raise too_large(f"it declares {width:,} x {height:,} pixels")


def too_large(why: str) -> PictureError:
    """The refusal of a picture with too many pixels."""
    limit = f"at most {PIXELS // 1_000_000} million pixels, and {SIDE:,} a side, are read"
    return PictureError(413, "this picture is too large", f"{why}; {limit}", "Make it smaller first.")


def read(image: Image.Image, longest: int = LONGEST) -> tuple[dict[str, Any], Image.Image]:
    """Decode the first frame; what was found and done stands in the facts."""
    notes: list[str] = []
    frames = getattr(image, "n_frames", 1)
    original = {
        "width": image.width,
        "height": image.height,
        "format": FORMATS.get(str(image.format), "JPEG"),  # MPO is the JPEG of some cameras
        "frames": frames,
        "orientation": 1,
        "alpha": image.has_transparency_data,
    }
    if frames > 1:
        notes.append(f"Animated: frame 1 of {frames} is used.")
    if "icc_profile" in image.info:
        notes.append("Its colour profile is left out: the numbers are used as they stand in the file.")
    image.seek(0)
    image.load()
    orientation = image.getexif().get(ORIENTATION, 1)
    if orientation in range(2, 9):
        original["orientation"] = orientation
        image = ImageOps.exif_transpose(image)
        notes.append(f"Turned upright, as its EXIF orientation {orientation} says.")
    if image.mode.startswith(("I", "F")):
        # Pillow cuts off at 255 what is wider than a byte; the upper byte is what the picture looks like.
        image = image.convert("I").point(lambda level: level / 256).convert("L")
        notes.append("16-bit grey: the upper 8 bits are used.")
    image = image.convert("RGBA" if original["alpha"] else "RGB")
    if max(image.size) > longest:
        scale = longest / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        notes.append(f"Reduced from {image.width:,} x {image.height:,} to {size[0]:,} x {size[1]:,} pixels.")
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    image.info.clear()  # or comments and profiles would be written into the PNG
    return {"width": image.width, "height": image.height, "original": original, "notes": notes}, image


def confine() -> None:
    """Bound what this process may use, where the system can."""
    Image.MAX_IMAGE_PIXELS = PIXELS // 2  # Pillow raises above twice this, for some formats before it allocates
    warnings.simplefilter("ignore")
    if sys.platform == "win32":
        return
    import resource

    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(limit, (most, most))
        except (ValueError, OSError):  # macOS has limits that can't be set
            continue


def answer(body: bytes, longest: int = LONGEST) -> tuple[bytes, bytes]:
    """The JSON and the PNG that answer a body."""
    try:
        facts, png = normalise(body, longest)
        return json.dumps(facts).encode(), png
    except PictureError as error:
        told = {"status": error.status, "what": error.what, "why": error.why, "todo": error.todo}
        return json.dumps({"refused": told}).encode(), b""


def serve(given: BinaryIO, answers: BinaryIO, longest: int = LONGEST) -> None:
    """Answer until the other side closes."""
    while header := given.read(8):
        (length,) = struct.unpack(">Q", header)
        for part in answer(given.read(length), longest):
            answers.write(struct.pack(">Q", len(part)) + part)
        answers.flush()


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer, *(int(word) for word in sys.argv[1:2]))
