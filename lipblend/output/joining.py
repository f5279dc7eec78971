"""Joining the packets of separately encoded segments into one stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket

_MAX_REORDERED = 64  # pictures; more than any encoder reorders


class Joiner:
    """Sets decoding times so that they increase across the joins of segments.

    The decoding times of every encoder begin before its first picture, by as many pictures as it reorders. Within a
    stream these times become the presentation times of the preceding pictures, as a single encoder would set them. With
    a constant frame rate nothing changes.
    """

    def __init__(self) -> None:
        self._previous: deque[int] = deque(maxlen=_MAX_REORDERED)
        self._shown: Sequence[int] = ()
        self._lead: list[CodedPacket] | None = None
        self._last: int | None = None

    def begin(self, shown: Sequence[int]) -> None:
        """Start a segment, given the ascending presentation times of its pictures."""
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
            ready += self._take_lead()
            ready.append(self._increasing(packet))
        return ready

    def end(self) -> list[CodedPacket]:
        """End the segment; returns its remaining packets."""
        ready = self._take_lead()
        self._previous.extend(self._shown)
        return ready

    def _take_lead(self) -> list[CodedPacket]:
        """The packets that would be decoded before the segment's first picture, with corrected times."""
        lead, self._lead = self._lead or [], None
        previous = list(self._previous)[-len(lead) :] if lead else []
        if len(previous) == len(lead):
            lead = [replace(packet, dts=stamp) for packet, stamp in zip(lead, previous, strict=True)]
        return [self._increasing(packet) for packet in lead]

    def _increasing(self, packet: CodedPacket) -> CodedPacket:
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
