#!/usr/bin/env python3
"""Reads a TensorBoard event file with nothing but the standard library, checking every length, checksum and
field, and prints one JSON object per record. An independent second opinion on runtime/events.c: it shares no
code with it. Refuses (exit 1, the byte offset on standard error) whatever is not well formed.

    read_events.py RUN/events.out.tfevents.d2v
"""
import json
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return value, at


def fields(data):
    """(number, value) pairs: ints, or bytes for fixed and delimited fields."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        size = {1: 8, 5: 4}.get(key & 7)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif size or key & 7 == 2:
            if not size:
                size, at = varint(data, at)
            value, at = data[at : at + size], at + size
            assert len(value) == size, "a field ends after its message"
        else:
            raise AssertionError(f"wire type {key & 7}")
        yield key >> 3, value


def record(message):
    out = {}
    for number, value in fields(message):
        if number == 1:
            out["wall_time"] = struct.unpack("<d", value)[0]
        elif number == 2:
            out["step"] = value
        elif number == 3:
            out["file_version"] = value.decode()
        elif number == 5:
            for inner, entry in fields(value):
                assert inner == 1, f"summary field {inner}"
                entry = dict(fields(entry))
                out[entry[1].decode()] = struct.unpack("<f", entry[2])[0]
        else:
            raise AssertionError(f"event field {number}")
    return out


def main(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        try:
            (length, crc) = struct.unpack_from("<QI", data, at)
            assert crc == masked(data[at : at + 8]), "checksum of the length"
            message = data[at + 12 : at + 12 + length]
            assert len(message) == length, "record cut short"
            assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(message), "checksum of the record"
            print(json.dumps(record(message)))
        except (AssertionError, struct.error, IndexError, KeyError) as e:
            sys.exit(f"{path}: byte {at}: {e}")
        at += 16 + length


if __name__ == "__main__":
    main(sys.argv[1])
