"""BLAKE3 as its specification states it, by another program than the service's: for inputs of any length, 32 bytes out."""

import struct

__all__ = ["blake3_hex"]

_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
_DIAGONALS = ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_MASK = 0xFFFFFFFF


def _rotated(value: int, bits: int) -> int:
    return (value >> bits | value << (32 - bits)) & _MASK


def _mix(state: list[int], place: tuple[int, int, int, int], x: int, y: int) -> None:
    a, b, c, d = place
    for word, first, second in ((x, 16, 12), (y, 8, 7)):
        state[a] = (state[a] + state[b] + word) & _MASK
        state[d] = _rotated(state[d] ^ state[a], first)
        state[c] = (state[c] + state[d]) & _MASK
        state[b] = _rotated(state[b] ^ state[c], second)


def _compress(
    chaining: tuple[int, ...], block: bytes, counter: int, length: int, flags: int
) -> tuple[int, ...]:
    words = struct.unpack("<16I", block.ljust(64, b"\0"))
    state = [*chaining, *_IV[:4], counter & _MASK, counter >> 32, length, flags]
    for _ in range(7):
        for index, place in enumerate((*_COLUMNS, *_DIAGONALS)):
            _mix(state, place, words[2 * index], words[2 * index + 1])
        words = tuple(words[index] for index in _PERMUTATION)
    return tuple(state[index] ^ state[index + 8] for index in range(8))


def _chunk(content: bytes, counter: int, flags: int) -> tuple[int, ...]:
    chaining: tuple[int, ...] = _IV
    blocks = [content[start : start + 64] for start in range(0, len(content), 64)] or [b""]
    for index, block in enumerate(blocks):
        own = (_CHUNK_START if index == 0 else 0) | (_CHUNK_END | flags if index == len(blocks) - 1 else 0)
        chaining = _compress(chaining, block, counter, len(block), own)
    return chaining


def _tree(content: bytes, counter: int, flags: int) -> tuple[int, ...]:
    if len(content) <= 1024:
        return _chunk(content, counter, flags)
    left = 1024
    while left * 2 < len(content):
        left *= 2
    both = _tree(content[:left], counter, 0) + _tree(content[left:], counter + left // 1024, 0)
    return _compress(_IV, struct.pack("<16I", *both), 0, 64, _PARENT | flags)


def blake3_hex(content: bytes) -> str:
    """The hash of `content` as 64 hex digits."""
    return struct.pack("<8I", *_tree(content, 0, _ROOT)).hex()
