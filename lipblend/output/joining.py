"""Packets of segments that were encoded one by one, as one stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket

_REMEMBERED = 64  # pictures; no encoder reorders over more


class Joiner:
    """Sets the decoding times of segments so that they rise across the joins.

    Every encoder begins its decoding times before its first picture, by as many pictures as it reorders. In the middle
    of a stream these are the times of the pictures before, as one encoder for all of them would give. Where pictures
    are of even length nothing changes.
    """

    def __init__(self) -> None:
        self._before: deque[int] = deque(maxlen=_REMEMBERED)
        self._shown: Sequence[int] = ()
        self._lead: list[CodedPacket] | None = None
        self._last: int | None = None

    def begin(self, shown: Sequence[int]) -> None:
        """Start a segment whose pictures are shown at these rising times."""
        self._shown, self._lead = shown, []

    def add(self, packets: Iterable[CodedPacket]) -> list[CodedPacket]:
        """Take packets in the encoder's order; returns those that are ready.

        Raises
        ------
        OutputError
            A packet would have to be decoded after it is shown.
        """
        ready: list[CodedPacket] = []
        for packet in packets:
            if self._lead is not None and packet.dts < self._shown[0]:
                self._lead.append(packet)
                continue
            ready += self._led()
            ready.append(self._rising(packet))
        return ready

    def end(self) -> list[CodedPacket]:
        """End the segment; returns what was held back."""
        ready = self._led()
        self._before.extend(self._shown)
        return ready

    def _led(self) -> list[CodedPacket]:
        lead, self._lead = self._lead or [], None
        before = list(self._before)[-len(lead) :] if lead else []
        if len(before) == len(lead):
            lead = [replace(packet, dts=stamp) for packet, stamp in zip(lead, before, strict=True)]
        return [self._rising(packet) for packet in lead]

    def _rising(self, packet: CodedPacket) -> CodedPacket:
        if self._last is not None and packet.dts <= self._last:
            packet = replace(packet, dts=self._last + 1)
        if packet.dts > packet.pts:
            raise OutputError(
                f"the encoder's segments cannot be joined: a picture shown at {packet.pts} would be decoded at "
                f"{packet.dts}",
                hint="Choose another encoder, or a longer encode.segment_s.",
            )
        self._last = packet.dts
        return packet
