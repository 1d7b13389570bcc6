"""Encodes or decodes the golden vectors: a list of [function, arguments, bytes in hex], answered in the same order."""

import json
import sys

from clip.wire import auth, calibration, category, control, fragment, pairing, plan, records, status, stream
from clip.wire.base import crc16
from portable import from_json, to_json


def make_plan(values):
    made = plan.Plan()
    for name, value in values.items():
        setattr(made, name, value)
    return made.pack()


def make_stream(header, samples, trailer):
    size = stream.HEADER_SIZE + len(samples) * stream.SAMPLE_SIZE + (stream.TRAILER_SIZE if trailer else 0)
    buf = bytearray(size)
    flags, seq, t_ms = header
    stream.pack_header(buf, flags, len(samples), seq, t_ms & 0xFFFF, t_ms >> 16)
    at = stream.HEADER_SIZE
    for w, x, y, z, mg in samples:
        stream.pack_sample(buf, at, w, x, y, z, stream.compand(mg))
        at += stream.SAMPLE_SIZE
    if trailer:
        gyro, acc, saturated, motor, celsius = trailer
        stream.pack_trailer(buf, at, stream.log_code(gyro), stream.log_code(acc), saturated, motor, celsius)
    return buf


def read_stream(data):
    header = stream.parse_header(data)
    samples = []
    for i in range(header[1]):
        w, x, y, z, mg = stream.unpack_sample(data, stream.HEADER_SIZE + i * stream.SAMPLE_SIZE)
        samples.append([round(v * 100000) for v in (w, x, y, z)] + [mg])
    return [header, samples, stream.parse_trailer(data) if header[0] & stream.FLAG_TRAILER else None]


def read_plan(data):
    parsed = plan.parse_plan(data)
    return {name: getattr(parsed, name) for name in plan.FIELDS}


ENCODE = {
    "stream": make_stream,
    "summary": stream.pack_summary,
    "epoch": records.pack_epoch,
    "episode": records.pack_episode,
    "reminder": records.pack_reminder,
    "event": records.pack_event,
    "journal_frame": records.journal_frame,
    "status": status.pack_status,
    "settings": status.pack_settings,
    "plan": make_plan,
    "calibration": lambda version, procedure, up, forward: calibration.pack_calibration(
        version, procedure, tuple(up), tuple(forward)
    ),
    "operation": lambda op, *values: control.pack(op, *values),
    "hello": control.pack_hello,
    "auth": control.pack_auth,
    "challenge": control.pack_challenge,
    "result": control.pack_result,
    "pong": control.pack_pong,
    "seal": auth.seal,
    "proof": auth.proof,
    "session_key": auth.session_key,
    "pair": pairing.pack_pair,
    "paired": pairing.pack_paired,
    "paired_key": pairing.derive,
    "fragments": lambda *given: b"".join(fragment.split(*given)),
    "crc16": lambda data: crc16(data).to_bytes(2, "little"),
}
DECODE = {
    "stream": read_stream,
    "epoch": records.parse,
    "episode": records.parse,
    "reminder": records.parse,
    "event": records.parse,
    "journal_frame": records.parse_journal_frame,
    "status": status.parse_status,
    "settings": status.parse_settings,
    "plan": read_plan,
    "calibration": calibration.parse_calibration,
    "hello": control.parse_hello,
    "auth": control.parse_auth,
    "challenge": control.parse_event,
    "result": control.parse_event,
    "pong": control.parse_event,
    "pair": pairing.parse_pair,
    "paired": control.parse_event,
}


def encode(case):
    return bytes(ENCODE[case["what"]](*from_json(case["given"]))).hex()


def decode(case):
    data = bytes([int(case["bytes"][i : i + 2], 16) for i in range(0, len(case["bytes"]), 2)])
    if case["what"] == "operation":
        return to_json(control.parse(case["given"][0], data))
    if case["what"] == "seal":
        session, op, payload, counter = from_json(case["given"])
        return to_json(auth.unseal(session, data, counter - 1))
    if case["what"] == "fragments":
        joiner = fragment.Joiner()
        room = case["given"][3]
        return to_json([joiner.add(data[at : at + room]) for at in range(0, len(data), room)][-1])
    if case["what"] not in DECODE:
        return None
    return to_json(DECODE[case["what"]](data))


def main():
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    assert len(category.NAMES) == category.COUNT
    with open(sys.argv[2], "w") as file:
        json.dump([[encode(case), decode(case)] for case in cases], file)


if __name__ == "__main__":
    main()
