"""Numbers that prove themselves: cards (Luhn), bank accounts (ISO 13616), telephone prefixes (E.164)."""

__all__ = ["card_length", "iban_length", "is_calling_code"]

_DIGIT_VALUES = bytes(byte - 48 if 48 <= byte <= 57 else 0 for byte in range(256))
_DOUBLED = bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9, *(0 for _ in range(246))])
_LETTERS = {ord("A") + index: str(10 + index) for index in range(26)}

_IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
    21: "CH CR HR LI LV", 22: "BG BH DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL OM SO",
    24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB PL SV NI", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_IBAN_LENGTH = {country: length for length, names in _IBAN_LENGTHS.items() for country in names.split()}

_CARD_LENGTHS = (
    (("34", "37"), (15,)),
    (("30", "36", "38", "39"), (14, 16)),
    (("4",), (13, 16, 19)),
    (("51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "27"), (16,)),
    (("35", "60", "64", "65", "62", "81"), (16, 17, 18, 19)),
    (("50", "56", "57", "58", "61", "63", "67", "69"), (12, 13, 14, 15, 16, 17, 18, 19)),
)
_CARDS = {prefix: lengths for prefixes, lengths in _CARD_LENGTHS for prefix in prefixes}

_CALLING_CODES = frozenset(
    [
        "1",
        "7",
        "20",
        "27",
        "30",
        "31",
        "32",
        "33",
        "34",
        "36",
        "39",
        "40",
        "41",
        "43",
        "44",
        "45",
        "46",
        "47",
        "48",
        "49",
        "51",
        "52",
        "53",
        "54",
        "55",
        "56",
        "57",
        "58",
        "60",
        "61",
        "62",
        "63",
        "64",
        "65",
        "66",
        "81",
        "82",
        "84",
        "86",
        "90",
        "91",
        "92",
        "93",
        "94",
        "95",
        "98",
    ]
)
_CALLING_CODE_DECADES = frozenset(
    [
        "21",
        "22",
        "23",
        "24",
        "25",
        "26",
        "29",
        "35",
        "37",
        "38",
        "42",
        "50",
        "59",
        "67",
        "68",
        "69",
        "85",
        "87",
        "88",
        "96",
        "97",
        "99",
        "80",
    ]
)


def card_length(text: str) -> int:
    """Return the length of `text` when it is the number of a payment card (spaces and hyphens allowed), else 0."""
    if text[0] != "4" and text[:2] not in _CARDS:
        return 0
    digits = text.encode().translate(_DIGIT_VALUES, b" -")
    if sum(digits[-1::-2] + digits[-2::-2].translate(_DOUBLED)) % 10:
        return 0
    lengths = _CARDS.get(text[0], ()) or _CARDS.get(text[:2], ())
    return len(text) if len(digits) in lengths and digits.count(digits[0]) < len(digits) else 0


def iban_length(text: str) -> int:
    """Return how many characters of `text`, from its start, are an IBAN whose checksum is right; 0 when none is."""
    wanted = _IBAN_LENGTH.get(text[:2].upper(), 0)
    compact = text.replace(" ", "").replace("-", "")[:wanted].upper()
    if not wanted or len(compact) < wanted:
        return 0
    if int((compact[4:] + compact[:4]).translate(_LETTERS)) % 97 != 1:
        return 0
    counted = 0
    for index, character in enumerate(text, start=1):
        counted += character not in " -"
        if counted == wanted:
            return index
    return 0


def is_calling_code(digits: str) -> bool:
    """True if an international number starts with the code of a country."""
    return digits[0] in "17" or digits[:2] in _CALLING_CODES or digits[:2] in _CALLING_CODE_DECADES
