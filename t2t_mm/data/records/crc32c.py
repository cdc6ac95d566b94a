"""The CRC-32C of TFRecord framing, for many records at once, in numpy.

Workers that write shards need this one thing of TensorFlow, and importing TensorFlow costs each of
them seconds and 400 MB. A CRC is linear over GF(2), which gives three liberties: leading zero bytes
change nothing when the register starts at zero; a register that starts at all ones equals one that
starts at zero with the first four bytes inverted; and a long record may be cut into rows whose
registers are joined afterwards. So all rows of a batch advance together, two bytes a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_ROW = 512  # bytes of a row of a long record
_MASK_DELTA = 0xA282EAD8  # TFRecord stores a CRC rotated and shifted by this


def masked_crcs(records: Sequence[bytes]) -> np.ndarray:
    """The masked CRCs that TFRecord stores, uint32, one for each record."""
    crcs = crc32c_batch(records).astype(np.uint64)
    rotated = ((crcs >> np.uint64(15)) | (crcs << np.uint64(17))) & np.uint64(0xFFFFFFFF)
    return ((rotated + np.uint64(_MASK_DELTA)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def crc32c_batch(records: Sequence[bytes]) -> np.ndarray:
    """The CRC-32C of each record, uint32."""
    if not records:
        return np.zeros(0, np.uint32)
    long = [record if len(record) >= 4 else None for record in records]
    crcs = _batch([record for record in long if record is not None])
    result = np.empty(len(records), np.uint32)
    result[[i for i, record in enumerate(long) if record is not None]] = crcs
    for i, record in enumerate(long):
        if record is None:
            result[i] = _one_by_one(records[i])
    return result


def _batch(records: list[bytes]) -> np.ndarray:
    """CRCs of records of four bytes or more."""
    if not records:
        return np.zeros(0, np.uint32)
    lengths = np.array([len(record) for record in records])
    width = min(_ROW, int(lengths.max()) + int(lengths.max()) % 2)
    rows = -(-lengths // width)  # of each record
    ends = np.cumsum(rows) * width
    sizes = (rows * width).tolist()
    aligned = [r.rjust(n, b"\0") for r, n in zip(records, sizes, strict=True)]  # zeros lead
    buffer = np.frombuffer(bytearray().join(aligned), np.uint8)
    starts = ends - lengths
    for offset in range(4):
        buffer[starts + offset] ^= 0xFF
    registers = _advance(buffer.reshape(-1, width))
    return _join(registers, rows, width) ^ np.uint32(0xFFFFFFFF)


def _advance(rows: np.ndarray) -> np.ndarray:
    """Registers, from zero, after each row of [rows, width] bytes."""
    table = _pair_table()
    columns = np.ascontiguousarray(rows.view("<u2").T)  # [width / 2, rows]
    register = np.zeros(len(rows), np.uint32)
    for column in columns:
        register = table[(register ^ column) & 0xFFFF] ^ (register >> 16)
    return register


def _join(registers: np.ndarray, rows: np.ndarray, width: int) -> np.ndarray:
    """Joins the registers of each record's rows into the record's."""
    if (rows == 1).all():
        return registers
    a, b, c, d = _skip_tables(width)
    result = np.empty(len(rows), np.uint32)
    values = iter(registers.tolist())
    for i, count in enumerate(rows.tolist()):
        state = next(values)
        for _ in range(count - 1):
            state = (
                a[state & 0xFF]
                ^ b[(state >> 8) & 0xFF]
                ^ c[(state >> 16) & 0xFF]
                ^ d[state >> 24]
                ^ next(values)
            )
        result[i] = state
    return result


@lru_cache(maxsize=1)
def _byte_table() -> np.ndarray:
    """Register after one byte, from that byte; [256]."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


@lru_cache(maxsize=1)
def _pair_table() -> np.ndarray:
    """Register after two bytes, from their little-endian pair; [65536]."""
    table = _byte_table()
    pairs = np.arange(1 << 16, dtype=np.uint32)
    first = table[pairs & 0xFF]
    return table[(first ^ (pairs >> 8)) & 0xFF] ^ (first >> 8)


@lru_cache(maxsize=4)
def _skip_tables(width: int) -> list[list[int]]:
    """What `width` zero bytes make of each byte of a register, lowest byte first."""
    table = _byte_table()
    tables = []
    for shift in (0, 8, 16, 24):
        register = np.arange(256, dtype=np.uint32) << np.uint32(shift)
        for _ in range(width):
            register = table[register & 0xFF] ^ (register >> 8)
        tables.append(register.tolist())
    return tables


def _one_by_one(record: bytes) -> int:
    table = _byte_table()
    register = 0xFFFFFFFF
    for byte in record:
        register = int(table[(register ^ byte) & 0xFF]) ^ (register >> 8)
    return register ^ 0xFFFFFFFF
