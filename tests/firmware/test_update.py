"""What the clip takes in of a new firmware, and what it refuses."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clip import guarded, slots, trial, update
from firmware.clip.protocol import MalformedError, control, records
from firmware.clip.protocol import update as wire
from tests.firmware.two_slots import BLOCK, NEW, OLD, SLOT_BLOCKS, VERSIONS, WORSE, Clip, factory, offer, send


@pytest.fixture
def clip(monkeypatch: pytest.MonkeyPatch) -> Clip:
    """A clip that runs the old firmware from its first slot."""
    data, files = factory()
    made = Clip(monkeypatch, data, files, None)
    assert made.boot() == OLD
    return made


def piece(at: int, data: bytes) -> bytes:
    return wire.pack_data(at, data)


def do(updater: update.Updater, op: int, payload: bytes = b"") -> int:
    return updater.operate(op, payload)[0]


def test_layouts() -> None:
    digest = bytes(range(32))
    assert wire.parse_begin(wire.pack_begin(70_000, digest, b"\1\2\3")) == (70_000, digest, b"\1\2\3")
    at, data = wire.parse_data(wire.pack_data(5, b"abc"))
    assert (at, bytes(data)) == (5, b"abc")
    signed = wire.pack_signed(b"\1\2\3", 9, digest)
    assert wire.parse_signed(signed + bytes(wire.SIGNATURE_SIZE)) == (b"\1\2\3", 9, digest)
    assert (wire.version_of("1.2.3"), wire.version_text(b"\1\2\3")) == (b"\1\2\3", "1.2.3")
    assert control.parse_event(wire.pack_at(77)) == (control.EVENT_UPDATE, (77,))


@given(st.binary(max_size=120))
def test_decoders_raise_the_named_error_and_no_other(data: bytes) -> None:
    for decode in (wire.parse_begin, wire.parse_data, wire.parse_signed):
        try:
            decode(data)
        except MalformedError:
            continue
        assert len(data) >= wire.DATA_HEADER


def test_a_whole_image_is_ready_and_waits(clip: Clip) -> None:
    updater = clip.updater()
    assert send(updater, NEW) == control.OK
    assert updater.ready
    assert clip.boot() == OLD, "it is not installed by itself"


def test_the_running_slot_is_never_written(clip: Clip) -> None:
    before = bytes(clip.device.data[: SLOT_BLOCKS * BLOCK])
    assert send(clip.updater(), NEW) == control.OK
    assert bytes(clip.device.data[: SLOT_BLOCKS * BLOCK]) == before


def test_out_of_order_repeated_and_beyond_the_end(clip: Clip) -> None:
    updater = clip.updater()
    assert do(updater, control.UPDATE_DATA, piece(0, NEW[:9])) == control.REFUSED_OUT_OF_RANGE, "nothing was announced"
    assert do(updater, control.UPDATE_END) == control.REFUSED_OUT_OF_RANGE
    assert do(updater, control.UPDATE_BEGIN, offer(NEW)) == control.OK
    assert do(updater, control.UPDATE_DATA, piece(9, NEW[9:18])) == control.REFUSED_OUT_OF_RANGE
    assert do(updater, control.UPDATE_DATA, piece(0, NEW[:9])) == control.OK
    assert do(updater, control.UPDATE_DATA, piece(0, NEW[:9])) == control.REFUSED_OUT_OF_RANGE
    assert do(updater, control.UPDATE_END) == control.REFUSED_OUT_OF_RANGE
    assert do(updater, control.UPDATE_DATA, piece(9, NEW[9:] + b"!")) == control.REFUSED_OUT_OF_RANGE
    assert do(updater, control.UPDATE_DATA, piece(9, NEW[9:])) == control.OK
    assert do(updater, control.UPDATE_DATA, piece(len(NEW), b"!")) == control.REFUSED_OUT_OF_RANGE
    assert do(updater, control.UPDATE_END) == control.OK
    assert updater.ready
    for op, payload in ((control.UPDATE_DATA, bytes(4)), (control.UPDATE_END, b"!")):
        with pytest.raises(MalformedError):
            do(updater, op, payload)


def test_announced_again_it_goes_on_where_it_was(clip: Clip) -> None:
    updater = clip.updater()
    do(updater, control.UPDATE_BEGIN, offer(NEW))
    do(updater, control.UPDATE_DATA, piece(0, NEW[:41]))
    assert updater.operate(control.UPDATE_BEGIN, offer(NEW)) == (control.OK, wire.pack_at(41))
    assert send(updater, NEW) == control.OK
    assert updater.operate(control.UPDATE_BEGIN, offer(NEW)) == (control.OK, wire.pack_at(len(NEW)))
    assert updater.ready
    assert do(updater, control.UPDATE_END) == control.OK


def test_another_one_announced_takes_its_place(clip: Clip) -> None:
    updater = clip.updater()
    assert send(updater, NEW) == control.OK
    assert updater.operate(control.UPDATE_BEGIN, offer(WORSE)) == (control.OK, wire.pack_at(0))
    assert not updater.ready
    assert send(updater, WORSE) == control.OK


def test_after_a_restart_a_whole_image_needs_not_be_sent_again(clip: Clip) -> None:
    assert send(clip.updater(), NEW) == control.OK
    updater = clip.updater()
    assert not updater.ready
    assert updater.operate(control.UPDATE_BEGIN, offer(NEW)) == (control.OK, wire.pack_at(len(NEW)))
    assert updater.ready


def test_a_wrong_digest_is_not_installed_and_may_be_sent_anew(clip: Clip) -> None:
    updater = clip.updater()
    do(updater, control.UPDATE_BEGIN, offer(NEW))
    wrong = bytearray(NEW)
    wrong[50] ^= 1
    do(updater, control.UPDATE_DATA, piece(0, bytes(wrong)))
    assert do(updater, control.UPDATE_END) == control.REFUSED_DIGEST
    assert not updater.ready
    assert send(updater, NEW) == control.OK


def test_what_the_flash_does_not_keep_is_noticed(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    updater = clip.updater()
    program = clip.device.writeblocks

    def weak(block: int, buf: memoryview, offset: int) -> None:
        program(block, bytes(buf[:-1]) + bytes([buf[-1] & 0xF0]), offset)

    monkeypatch.setattr(clip.device, "writeblocks", weak)
    assert send(updater, bytes(NEW)) == control.REFUSED_DIGEST
    assert not updater.ready


def test_a_flash_that_errs_refuses_and_the_piece_can_come_again(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    updater = clip.updater()
    do(updater, control.UPDATE_BEGIN, offer(NEW))

    def errs(*_: object) -> None:
        raise OSError(5)

    with monkeypatch.context() as patch:
        patch.setattr(clip.device, "writeblocks", errs)
        assert do(updater, control.UPDATE_DATA, piece(0, NEW)) == control.REFUSED_BUSY
    assert updater.operate(control.UPDATE_BEGIN, offer(NEW)) == (control.OK, wire.pack_at(0))
    assert send(updater, NEW) == control.OK


def test_sizes_and_versions_that_are_refused(clip: Clip) -> None:
    updater = clip.updater()
    digest = bytes(32)
    room = SLOT_BLOCKS * BLOCK
    for size, version, result in (
        (0, b"\0\2\0", control.REFUSED_OUT_OF_RANGE),
        (room + 1, b"\0\2\0", control.REFUSED_OUT_OF_RANGE),
        (0xFFFFFFFF, b"\0\2\0", control.REFUSED_OUT_OF_RANGE),
        (room, b"\0\1\0", control.REFUSED_OLD_VERSION),
        (room, b"\0\0\xff", control.REFUSED_OLD_VERSION),
        (room, b"\0\1\1", control.OK),
    ):
        assert do(updater, control.UPDATE_BEGIN, wire.pack_begin(size, digest, version)) == result
    with pytest.raises(MalformedError):
        do(updater, control.UPDATE_BEGIN, offer(NEW)[:-1])


def test_on_trial_the_other_slot_is_left_alone(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    updater = clip.updater()
    send(updater, NEW)
    updater.install()
    assert clip.boot() == NEW
    assert send(clip.updater(), WORSE) == control.REFUSED_BUSY
    clip.runs_well(gateway=False)
    assert send(clip.updater(), WORSE) == control.REFUSED_BUSY, "no gateway could reach it yet"
    clip.runs_well()
    assert send(clip.updater(), WORSE) == control.OK


def test_what_did_not_run_is_not_taken_in_again(clip: Clip) -> None:
    updater = clip.updater()
    send(updater, WORSE)
    updater.install()
    assert [clip.boot() for _ in range(4)] == [WORSE, WORSE, WORSE, OLD]
    assert send(clip.updater(), WORSE) == control.REFUSED_DIGEST
    updater = clip.updater()
    assert send(updater, NEW) == control.OK
    updater.install()
    assert clip.boot() == NEW


def test_long_rounds_prove_nothing(clip: Clip) -> None:
    updater = clip.updater()
    send(updater, NEW)
    updater.install()
    assert clip.boot() == NEW
    proving = trial.Trial(clip.recorder, 0)
    at = 0
    for i in range(300):
        at += 1000 if i % 50 else 2100
        assert not proving.step(at, linked=True)
    for left in range(10, -1, -1):  # a long one was 49 rounds ago
        at += 1000
        assert proving.step(at, linked=True) == (not left)
    assert clip.recorder.told == [(records.UPDATED, 0x000200)]


def test_with_no_other_slot_to_go_back_to_the_files_run_and_take_another(clip: Clip) -> None:
    updater = clip.updater()
    send(updater, WORSE)
    updater.install()
    clip.device.data[5] ^= 4
    assert [clip.boot() for _ in range(5)] == [WORSE, WORSE, WORSE, None, None]
    clip.runs_well()
    assert clip.recorder.told == [(records.ROLLED_BACK, 0x000300)]
    updater = update.Updater(clip.device, "0.1.0")
    assert send(updater, WORSE) == control.REFUSED_DIGEST
    assert send(updater, NEW) == control.OK
    updater.install()
    assert clip.boot() == NEW
    clip.device.data[5] ^= 4
    assert clip.boot() is None, "what has once failed is nothing to go back to"


def test_an_older_one_does_not_displace_the_one_that_waits(clip: Clip) -> None:
    updater = clip.updater()
    assert send(updater, WORSE) == control.OK
    assert send(updater, NEW) == control.REFUSED_OLD_VERSION
    assert updater.ready


def test_two_gateways_with_one_version_do_not_take_turns(clip: Clip) -> None:
    updater = clip.updater()
    assert send(updater, NEW) == control.OK
    other = wire.pack_begin(len(NEW), hashlib.sha256(b"another build").digest(), VERSIONS[NEW])
    assert do(updater, control.UPDATE_BEGIN, other) == control.REFUSED_OLD_VERSION
    assert updater.ready


def test_a_damaged_image_gives_way_to_the_one_before(clip: Clip) -> None:
    updater = clip.updater()
    send(updater, NEW)
    updater.install()
    assert clip.boot() == NEW
    clip.runs_well()
    clip.device.data[SLOT_BLOCKS * BLOCK + 5] ^= 4
    assert clip.boot() == OLD
    clip.device.data[5] ^= 4
    assert clip.boot() is None, "then the files run"


def test_a_full_flash_installs_nothing(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    updater = clip.updater()
    send(updater, NEW)

    def full(*_: object) -> None:
        raise OSError(28)

    with monkeypatch.context() as patch:
        patch.setattr(guarded, "save", full)
        updater.install()
    assert not clip.reset
    assert clip.boot() == OLD


def test_a_trial_that_cannot_be_counted_is_not_started(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    updater = clip.updater()
    send(updater, NEW)
    updater.install()

    def full(*_: object) -> None:
        raise OSError(28)

    with monkeypatch.context() as patch:
        patch.setattr(guarded, "save", full)
        assert clip.boot() == OLD
        clip.runs_well()
    assert clip.boot() == NEW
    state = slots.load()
    assert state is not None
    assert state[slots.TRIAL]


INSTALL, SEND = -1, -2  # not the clip's
operations = st.one_of(
    st.tuples(st.just(control.UPDATE_BEGIN), st.sampled_from([offer(NEW), offer(WORSE), offer(OLD), b"short"])),
    st.builds(
        lambda image, at, n: (control.UPDATE_DATA, struct.pack("<I", at) + image[at : at + n]),
        st.sampled_from([NEW, WORSE]),
        st.sampled_from(range(0, len(NEW), 10)),
        st.sampled_from([10, 20, 90]),
    ),
    st.tuples(st.just(control.UPDATE_END), st.just(b"")),
    st.tuples(st.just(INSTALL), st.just(b"")),
    st.tuples(st.just(SEND), st.sampled_from([NEW, WORSE])),
)


@given(st.lists(operations, max_size=40))
def test_whatever_comes_only_whole_images_are_ready_and_run(story: list[tuple[int, bytes]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        data, files = factory()
        clip = Clip(patch, data, files, None)
        running = clip.boot()
        updater = clip.updater()
        for op, payload in story:
            if op == INSTALL:
                if updater.ready:
                    updater.install()
                running = clip.boot()
                assert running in VERSIONS
                updater = clip.updater()
                continue
            try:
                send(updater, payload) if op == SEND else updater.operate(op, payload)
            except MalformedError:
                continue
            if updater.ready:
                other = SLOT_BLOCKS * BLOCK * (1 - slots.running())
                assert any(data[other : other + len(image)] == image for image in (NEW, WORSE))
        assert running is not None
        assert hashlib.sha256(running).digest() == slots.image(slots.load() or [], slots.running())[1]
