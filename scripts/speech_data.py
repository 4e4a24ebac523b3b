"""Ten spoken digits as spectrograms, spoken by espeak-ng in voices of its own (apt-get install espeak-ng)."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sequence_data import write_text

WriteIdx = Callable[[Path, np.ndarray], None]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TRAIN = (
    *("m1", "m3", "m4", "m6", "m8", "f1", "f3", "f5", "Alex", "Andrea", "Annie", "Denis", "Gene", "Jacky", "Lee"),
    *("linda", "Michael", "norbert", "steph3", "travis"),
)
TEST = ("m2", "m7", "f2", "f4", "Andy", "rob")
"""Voices that no training utterance has."""
SAID = (("en", 150, 40), ("en-us", 190, 60), ("en-gb-scotland", 170, 60), ("en-gb-x-rp", 200, 40))
"""How each voice says each word: accent, words a minute, pitch (0 to 99)."""
FILES = ["spoken-digits/spectrograms.gz", "spoken-digits/utterances.gz"]
LICENCE = "CC0-1.0 (what espeak-ng puts out is not under its licence)"
HOP, WINDOW = 0.02, 0.04  # seconds
BANDS, LOW, HIGH = 20, 100.0, 7_000.0  # Hz
FLOOR = 60  # decibels below an utterance's loudest number, where hearing ends


def build_spoken_digits(out: Path, write_idx: WriteIdx) -> str:
    """Write every utterance's spectrogram, one after another, and a line on each; espeak-ng's version."""
    espeak = shutil.which("espeak-ng") or sys.exit("build_data needs espeak-ng")
    rows, frames = list[str](), list[np.ndarray]()
    for part, voices in (("train", TRAIN), ("test", TEST)):
        for voice in voices:
            for accent, speed, pitch in SAID:
                for digit, word in enumerate(WORDS):
                    found = spectrogram(*spoken(espeak, word, f"{accent}+{voice}", speed, pitch))
                    frames.append(found)
                    rows.append(f"{part},{digit},{voice},{accent},{speed},{pitch},{len(found)}")
    # a voice that espeak-ng does not know in an accent is spoken by its first one: that would be in both parts
    assert len({found.tobytes() for found in frames}) == len(frames), "two voices sound alike"
    write_idx(out / "spoken-digits" / "spectrograms.gz", np.concatenate(frames))
    write_text(out / "spoken-digits" / "utterances.gz", "\n".join(rows) + "\n")
    version = subprocess.run([espeak, "--version"], check=True, capture_output=True, text=True).stdout
    return version.split("text-to-speech:")[-1].split()[0]


def spoken(espeak: str, word: str, voice: str, speed: int, pitch: int) -> tuple[np.ndarray, int]:
    """One word as samples, -1..1, and their number a second."""
    command = [espeak, "--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), word]
    content = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(content)) as file:
        rate = file.getframerate()
        raw = file.readframes(1 << 24)  # a stream's head does not know how long it is
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2") / 32_768, rate


def spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """The energy in each mel band at each step, in decibels above the floor, uint8 (T, BANDS); silent ends cut off."""
    width, hop = round(WINDOW * rate), round(HOP * rate)
    padded = np.pad(samples, width)
    cut = np.lib.stride_tricks.sliding_window_view(padded, width)[::hop]
    power = np.abs(np.fft.rfft(cut * np.hanning(width), 1024)) ** 2 @ filters(rate, 1024).T
    level = 10 * np.log10(np.maximum(power, 1e-12))
    level = np.rint(np.clip(level - level.max() + FLOOR, 0, FLOOR)).astype(np.uint8)
    loud = np.flatnonzero(level.max(1) > FLOOR // 3)
    return level[loud[0] : loud[-1] + 1]


def filters(rate: int, size: int) -> np.ndarray:
    """Triangles, equally far apart on the mel scale (S. Stevens, 1937), (BANDS, size / 2 + 1)."""

    def mel(hertz: float | np.ndarray) -> np.ndarray:
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    edges = 700 * (10 ** (np.linspace(mel(LOW), mel(HIGH), BANDS + 2) / 2595) - 1)
    at = np.fft.rfftfreq(size, 1 / rate)
    rising = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0, None)


NOTICE = [
    "## spoken-digits",
    "Ten English words spoken by espeak-ng (voices and accents of its own), as spectrograms: no recording of a person. "
    "The program is under the GPL, version 3 or later; what it puts out is not covered by its licence, and nothing of "
    "the program is in these files. They are dedicated to the public domain (CC0-1.0).",
]
