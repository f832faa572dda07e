"""The size of a JPEG XL picture by its header, which the decoder does not tell before it decodes."""

from __future__ import annotations

__all__ = ["JPEGXL_STARTS", "jpegxl_animated", "jpegxl_size"]

CODESTREAM = b"\xff\x0a"
JPEGXL_STARTS = (CODESTREAM, b"\0\0\0\x0cJXL \r\n\x87\n")
HEADER = 64  # bytes; more than sizes and the first fields of the metadata take
BOXES = (b"jxlc", b"jxlp")  # of a container: the codestream, whole or its first part after a number of 4 bytes
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # of width and height, by their code from 1
LENGTHS = (9, 13, 18, 30)  # bits of a side, by their code


def jpegxl_size(data: bytes) -> tuple[int, int]:
    """Width and height in px (ISO/IEC 18181-1, SizeHeader). Raises ValueError where there is no header."""
    return _Bits(_codestream(data)).size()


def jpegxl_animated(data: bytes) -> bool:
    """Whether the picture has frames that follow each other in time. Raises ValueError where there is no header."""
    bits = _Bits(_codestream(data))
    bits.size()
    if bits.take(1) or not bits.take(1):  # all metadata are the default; none of the less usual ones are there
        return False
    bits.take(3)  # orientation
    if bits.take(1):
        bits.size()  # at which it is meant to be shown
    return not bits.take(1) and bool(bits.take(1))  # those with a preview, whose header differs, are found by decoding


class _Bits:
    """The fields of a header, least bit first."""

    def __init__(self, stream: bytes) -> None:
        self._left = int.from_bytes(stream, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value

    def size(self) -> tuple[int, int]:
        small = self.take(1)
        height = self._side(small)
        ratio = self.take(3)
        width = height * RATIOS[ratio - 1][0] // RATIOS[ratio - 1][1] if ratio else self._side(small)
        return width, height

    def _side(self, small: int) -> int:
        return 8 * (self.take(5) + 1) if small else self.take(LENGTHS[self.take(2)]) + 1


def _codestream(data: bytes) -> bytes:
    """The header in ``data``, a bare codestream or a container, behind its mark. Raises ValueError."""
    at = 0 if data.startswith(CODESTREAM) else _in_container(data)
    if data[at : at + 2] != CODESTREAM:
        raise ValueError("no JPEG XL codestream")
    return data[at + 2 : at + HEADER]


def _in_container(data: bytes) -> int:
    at = 0
    while at + 16 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        head = 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if kind in BOXES:
            return at + head + (4 if kind == b"jxlp" else 0)
        if length < head:
            break
        at += length
    return len(data)
