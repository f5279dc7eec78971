"""Damage to valid files, determined by one random generator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

Damage = Callable[[bytes, np.random.Generator, Mapping[str, bytes]], tuple[bytes, str]]

# fmt: off
_ATOMS = [
    "moov", "mvhd", "trak", "tkhd", "mdia", "mdhd", "hdlr", "minf", "stbl", "stsd", "stts", "ctts", "stsc", "stsz",
    "stco", "co64", "stss", "elst", "edts", "udta", "avcC", "hvcC", "esds", "dref", "mdat", "ftyp", "avc1", "hvc1",
    "mp4v", "mp4a", "jpeg", "apcn", "apch", "colr", "pasp",
]
# Matroska: Segment, Info, TimestampScale, Duration, TrackEntry, CodecID, PixelWidth, PixelHeight, Cluster, SimpleBlock,
# Timestamp, DefaultDuration, CodecPrivate, Tracks, Audio, Video, Cues, and the header itself.
_EBML = [
    "18538067", "1549a966", "2ad7b1", "4489", "ae", "86", "b0", "ba", "1f43b675", "a3",
    "e7", "23e383", "63a2", "1654ae6b", "e1", "e0", "1c53bb6b", "1a45dfa3",
]
# fmt: on
_CRITICAL_32 = (
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0x80000001,
    0xFFFFFFFF,
    0xFFFFFFFE,
)  # fmt: skip


def damage(data: bytes, rng: np.random.Generator, others: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Damage a file one to three times; returns the result and a description."""
    kinds = list(DAMAGES)
    done = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        kind = kinds[int(rng.integers(len(kinds)))]
        data, what = DAMAGES[kind](data, rng, others)
        done.append(f"{kind} {what}".strip())
    return data, "; ".join(done)


def _range(data: bytes, rng: np.random.Generator) -> tuple[int, int]:
    length = min(len(data), int(2 ** rng.uniform(0, 12)))
    start = int(rng.integers(0, len(data) - length + 1))
    return start, start + length


def _payload(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Change some bytes after the header, which most demuxers pass on to the decoder."""
    raw = bytearray(data)
    places = rng.integers(len(raw) // 5, len(raw), int(rng.integers(1, 40))) if raw else ()
    for place in places:
        raw[int(place)] = int(rng.integers(256))
    return bytes(raw), f"{len(places)} bytes"


def _truncate(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    end = int(rng.integers(0, len(data) + 1))
    return data[:end], f"at {end}"


def _behead(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    start = int(rng.integers(0, min(len(data), 4096) + 1))
    return data[start:], f"of {start}"


def _zero(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    a, b = _range(data, rng)
    return data[:a] + bytes([int(rng.choice([0, 255]))]) * (b - a) + data[b:], f"{a}..{b}"


def _noise(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    a, b = _range(data, rng)
    return data[:a] + rng.bytes(b - a) + data[b:], f"{a}..{b}"


def _shuffle(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    a, b = _range(data, rng)
    return data[:a] + bytes(rng.permutation(np.frombuffer(data[a:b], np.uint8))) + data[b:], f"{a}..{b}"


def _duplicate(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    a, b = _range(data, rng)
    return data[:b] + data[a:b] * int(rng.integers(1, 4)) + data[b:], f"{a}..{b}"


def _insert(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    a, b = _range(data, rng)
    return data[:a] + rng.bytes(b - a) + data[a:], f"{b - a} at {a}"


def _remove(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    a, b = _range(data, rng)
    return data[:a] + data[b:], f"{a}..{b}"


def _swap(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    if len(data) < 2:
        return data, ""
    a, b, c = sorted(int(rng.integers(0, len(data) + 1)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:], f"{a}..{b} with {b}..{c}"


def _flip(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    raw = bytearray(data)
    count = int(2 ** rng.uniform(0, 7)) if raw else 0
    for position in rng.integers(0, max(len(raw), 1), count):
        raw[int(position)] ^= 1 << int(rng.integers(8))
    return bytes(raw), f"{count} bits"


def _atom(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Set a 32-bit word in or before an atom, or a byte after an EBML id, to a critical value."""
    raw = bytearray(data)
    marks = [(m.start(), m.group()) for m in re.finditer("|".join(_ATOMS).encode(), data)]
    if not marks:
        wanted = bytes.fromhex(_EBML[int(rng.integers(len(_EBML)))])
        places = [m.start() for m in re.finditer(re.escape(wanted), data)]
        if not places:
            return _flip(data, rng, {})
        at = places[int(rng.integers(min(len(places), 4)))] + len(wanted)
        for offset in range(int(rng.integers(1, 9))):
            if at + offset < len(raw):
                raw[at + offset] = int(rng.choice([0, 1, 0x7F, 0x80, 0x81, 0xFF, int(rng.integers(256))]))
        return bytes(raw), f"{wanted.hex()} at {at}"
    start, name = marks[int(rng.integers(len(marks)))]
    at = start - 4 if rng.random() < 0.3 else start + 4 + 2 * int(rng.integers(0, 24))
    value = int(rng.choice(_CRITICAL_32))
    if 0 <= at <= len(raw) - 4:
        raw[at : at + 4] = value.to_bytes(4, "big")
    return bytes(raw), f"{name.decode()}{at - start:+d} = {value:#x}"


def _rename(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    marks = list(re.finditer("|".join(_ATOMS).encode(), data))
    if not marks:
        return _flip(data, rng, {})
    mark = marks[int(rng.integers(len(marks)))]
    name = _ATOMS[int(rng.integers(len(_ATOMS)))] if rng.random() < 0.5 else "zzzz"
    return data[: mark.start()] + name.encode() + data[mark.end() :], f"{mark.group().decode()} to {name}"


def _swap_atoms(data: bytes, rng: np.random.Generator, _: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Swap two atoms of the top level or of one trak."""
    names = [int(m.start()) - 4 for m in re.finditer("|".join(_ATOMS).encode(), data) if m.start() >= 4]
    atoms = [(at, int.from_bytes(data[at : at + 4], "big")) for at in names]
    atoms = [(at, size) for at, size in atoms if 8 <= size <= len(data) - at]
    if len(atoms) < 2:
        return _swap(data, rng, {})
    picked = sorted(int(i) for i in rng.choice(len(atoms), 2, replace=False))
    (a, m), (b, n) = atoms[picked[0]], atoms[picked[1]]
    if a + m > b:
        return data[:a] + data[a + m :], f"(dropped {data[a + 4 : a + 8]!r})"
    return data[:a] + data[b : b + n] + data[a + m : b] + data[a : a + m] + data[b + n :], f"at {a} and {b}"


def _join(data: bytes, rng: np.random.Generator, others: Mapping[str, bytes]) -> tuple[bytes, str]:
    name = sorted(others)[int(rng.integers(len(others)))]
    return (data + others[name], f"with {name}") if rng.random() < 0.6 else (others[name] + data, f"after {name}")


DAMAGES: dict[str, Damage] = {
    "payload": _payload,
    "payload ": _payload,
    "payload  ": _payload,
    "truncate": _truncate,
    "behead": _behead,
    "zero": _zero,
    "noise": _noise,
    "shuffle": _shuffle,
    "duplicate": _duplicate,
    "insert": _insert,
    "remove": _remove,
    "swap": _swap,
    "flip": _flip,
    "atom": _atom,
    "atom ": _atom,
    "atom  ": _atom,
    "rename": _rename,
    "swap atoms": _swap_atoms,
    "join": _join,
}


def special(number: int, rng: np.random.Generator, suffix: str) -> tuple[bytes, str]:
    """Files that are not videos."""
    kind = number % 5
    if kind == 0:
        return b"", "empty"
    if kind == 1:
        return rng.bytes(int(rng.integers(1, 20000))), "random bytes"
    if kind == 2:
        return b"This is not a video.\n" * int(rng.integers(1, 300)), "text"
    if kind == 3:
        head = {".mp4": b"\0\0\0\x18ftypisom", ".mkv": b"\x1aE\xdf\xa3", ".ts": b"G"}.get(suffix, b"\0\0\0\x14ftypqt  ")
        return head + rng.bytes(int(rng.integers(0, 5000))), "a valid start and random bytes"
    return bytes(int(rng.integers(1, 20000))), "zeros"
