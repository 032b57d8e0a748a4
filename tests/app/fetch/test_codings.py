"""Content codings: whatever was packed comes out again, in steps of a bounded size."""

import gzip
import random
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fetch.codings import DAMAGED, STEP_BYTES, Decoder, decoders, zstd

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=4),
    "zstd": zstd.compress,
}
stacks = st.lists(st.sampled_from(list(PACK)), max_size=3)


def undone(undo: Sequence[Decoder], chunks: Sequence[bytes]) -> bytes:
    """The chunks, fed to the first decoder, whose output is fed to the next."""
    for decoder in undo:
        chunks = [part for chunk in chunks for part in decoder.feed(chunk)]
    return b"".join(chunks)


@given(st.binary(max_size=300), stacks, st.integers(1, 50))
def test_what_was_packed_comes_out_again(body: bytes, stack: list[str], size: int) -> None:
    """Each coding and up to three of them, in whatever pieces they arrive."""
    packed = body
    for coding in stack:
        packed = PACK[coding](packed)
    undo = decoders(", ".join(stack))
    assert undo is not None
    assert body == undone(undo, [packed[start : start + size] for start in range(0, len(packed), size)])
    assert all(decoder.complete for decoder in undo)


@given(st.binary(min_size=1, max_size=300), st.sampled_from(list(PACK)), st.data())
def test_what_breaks_off_is_never_complete(body: bytes, coding: str, data: st.DataObject) -> None:
    """A page without its end is not taken for a whole one."""
    packed = PACK[coding](body)
    cut = data.draw(st.integers(1, len(packed) - 1))
    [decoder] = decoders(coding) or []
    undone([decoder], [packed[:cut]])
    assert not decoder.complete


@given(st.binary(max_size=100), stacks)
def test_any_bytes_give_bytes_or_one_of_the_errors(body: bytes, stack: list[str]) -> None:
    """Nothing else comes out of a decoder that is fed nonsense."""
    undo = decoders(",".join(stack))
    assert undo is not None
    with suppress(*DAMAGED):
        undone(undo, [body[:50], body[50:]])


@pytest.mark.parametrize("coding", PACK)
def test_a_bomb_comes_in_small_steps(coding: str) -> None:
    """No step gives much more than it may, however much it could."""
    [decoder] = decoders(coding) or []
    packed = PACK[coding](bytes(20_000_000))
    sizes = [len(part) for chunk in (packed[:9], packed[9:]) for part in decoder.feed(chunk)]
    assert (20_000_000, True) == (sum(sizes), decoder.complete)
    assert max(sizes) <= 2 * STEP_BYTES


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_a_large_page_comes_out_whole(coding: str, size: int) -> None:
    """Several steps for each piece that arrives, or several pieces for each step."""
    body = random.Random(1).randbytes(700_000) + bytes(700_000) + b"<p>hedge" * 90_000
    packed = PACK[coding](body)
    [decoder] = decoders(coding) or []
    assert body == undone([decoder], [packed[start : start + size] for start in range(0, len(packed), size)])
    assert decoder.complete


@pytest.mark.parametrize("wbits", [-15, 15, 31], ids=["raw", "zlib", "gzip"])
def test_what_ends_just_behind_a_step_comes_out_whole(wbits: int) -> None:
    """The decoder may have taken in all of the data while the last of its output still waits."""
    for more in range(0, 2_000, 13):
        packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
        packed = packer.compress(bytes(STEP_BYTES + more)) + packer.flush()
        [decoder] = decoders("gzip" if wbits == 31 else "deflate") or []
        assert (STEP_BYTES + more, True) == (len(undone([decoder], [packed])), decoder.complete)


@pytest.mark.parametrize("named", ["compress", "gzip, dcb", "gzip, gzip, gzip, gzip", "x"])
def test_what_cannot_be_undone_is_said_beforehand(named: str) -> None:
    """An unknown coding, or too many."""
    assert decoders(named) is None


@pytest.mark.parametrize("named", ["", "identity", " , ", "Identity"])
def test_no_coding_needs_no_decoder(named: str) -> None:
    """The body is as it comes."""
    assert [] == decoders(named)
