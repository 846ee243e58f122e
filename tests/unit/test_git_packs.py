"""Deltas of packs: whatever differs, what they say is what was to be said."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gitconvoy.git.packs import delta


def applied(old: bytes, change: bytes) -> bytes:
    """What git makes of a delta, as its documentation of the pack format has it."""
    at, sizes = 0, []
    for _ in range(2):
        number, shift = 0, 0
        while True:
            byte, at = change[at], at + 1
            number |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        sizes.append(number)
    assert sizes[0] == len(old)
    new = b""
    while at < len(change):
        order, at = change[at], at + 1
        if not order & 128:
            new, at = new + change[at : at + order], at + order
            continue
        values = [0, 0]
        for which, bits in ((0, range(4)), (1, range(4, 7))):
            for place, bit in enumerate(bits):
                if order & 1 << bit:
                    values[which] |= change[at] << 8 * place
                    at += 1
        start, length = values[0], values[1] or 0x10000
        new += old[start : start + length]
    assert len(new) == sizes[1]
    return new


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=400))
def test_a_delta_makes_the_new_of_the_old(head: bytes, old: bytes, new: bytes, tail: bytes) -> None:
    before, after = head + old + tail, head + new + tail
    change = delta(before, after)
    if change is not None:
        assert applied(before, change) == after


def test_more_than_one_instruction_can_copy() -> None:
    before = bytes(range(251)) * 1500
    after = before[:200_000] + b"something new" * 20 + before[200_100:]
    change = delta(before, after)
    assert change is not None
    assert len(change) < 400
    assert applied(before, change) == after


def test_what_has_little_in_common_is_no_difference() -> None:
    assert delta(b"a" * 100, b"b" * 100) is None
    assert delta(b"", b"new") is None
