"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

SIGNATURES = {
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"%PDF": "a PDF document",
    b"%!PS": "PostScript",
    b"SIMPLE  =": "a FITS file",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"PK\x03\x04": "a ZIP archive",
    b"<svg": "an SVG drawing",
    b"<?xml": "XML, perhaps an SVG drawing",
    b"8BPS": "a Photoshop file",
    b"\x1aE\xdf\xa3": "a WebM or Matroska video",
}
HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
ENOUGH = 16


def recognise(body: bytes) -> str:
    """What a file that is no picture of ours seems to be.

    Args:
        body: the file, or its first ENOUGH bytes.
    """
    if not body:
        return "it is empty"
    named = next((name for signature, name in SIGNATURES.items() if body.startswith(signature)), "")
    if body[4:8] == b"ftyp":
        named = "a HEIC or AVIF picture" if body[8:12] in HEIC else "a video (MP4 or MOV)"
    elif body[:4] == b"RIFF" and body[8:12] == b"AVI ":
        named = "a video (AVI)"
    return f"by its content it is {named}, whatever its name says" if named else "its content is of no known format"
