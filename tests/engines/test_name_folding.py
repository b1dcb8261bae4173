"""Texts as block lists compare them."""

import pytest

from acs_sidecar.engines.name_folding import folded
from acs_sidecar.engines.name_lists import NameList

HIDDEN = (
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x180B, 0x1810),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
    *range(0xFFF0, 0xFFF9),
    *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE1000),
)
"""Default_Ignorable_Code_Point of the Unicode Character Database."""


def test_no_hidden_character_survives_folding() -> None:
    """Every default-ignorable character, assigned or not, folds to nothing."""
    kept = [f"U+{code:04X}" for code in HIDDEN if folded(f"r{chr(code)}m") != "rm"]
    assert kept == []


@pytest.mark.parametrize("code", [0x2065, 0xFFF0, 0xE0000, 0xE0080, 0xE0FFF], ids="U+{:04X}".format)
def test_an_unassigned_hidden_character_does_not_lift_a_block(code: int) -> None:
    """A blocked name stays blocked with a character inside that Unicode reserves and shows as nothing."""
    blocked = NameList.of(["rm", "db_*"])
    assert blocked.blocks(f"r{chr(code)}m")
    assert blocked.blocks(f"{chr(code)}d{chr(code)}b_x")
