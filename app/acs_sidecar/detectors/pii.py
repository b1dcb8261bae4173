"""`pii`: personal data that has a form, with checksums where the form has one."""

import re

from acs_sidecar.detectors.checksums import card_length, iban_length, is_calling_code
from acs_sidecar.detectors.findings import Detector
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, RuleSet
from acs_sidecar.detectors.secret_keys import API_KEYS
from acs_sidecar.detectors.value_texts import found_by, redacting_detector

__all__ = ["CATEGORIES", "detector", "find_pii"]

CATEGORIES = ("api_key", "card", "email", "iban", "ip_address", "phone", "us_ssn")

_FILE_SUFFIXES = frozenset(["png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css", "map", "html"])
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d")
_NAMED = (
    r"(?:phone|tel|mobile|cell|fax|whatsapp|telefon|handy|mobil|téléphone|portable|teléfono|móvil|telefono"
    r"|cellulare|telefone|celular|telefoon|телефон|тел|电话|手机|電話|携帯)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_QUAD = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_NUMBERED = r"(?:\b(?:versions?|ver\.?|releases?|builds?|firmware|revisions?|rev\.?|patch|schema|api|sdk|runtime|driver|kernel|package|plugin|library|chapters?|sections?|sec\.|clauses?|paragraphs?|par\.|articles?|art\.|figures?|fig\.|tables?|steps?|items?|kapitel|abschnitt|ausgabe|versión|versão|versione)|версия|版本|バージョン|§)"
_VERSION = (  # numbers of versions and chapters, some in a row, and what follows or precedes only versions
    rf"(?:(?:{_NUMBERED}(?:\x00|[\s:=#\"'\[(-]{{0,4}}(?:(?:is|was|are|to|from|number|no\.?|nr\.?|reads|of)\b[\s:\"']{{0,3}}){{0,2}})"
    rf"|\b(?:bump|pin|upgrad|downgrad)[a-z]{{0,4}}\b[^\d\n\x00]{{0,40}}\b(?:to|at)\b[\s\"'`v]{{1,4}}|\b(?:upgrad|downgrad|updat|migrat)[a-z]{{0,4}}\sfrom\s|(?:==|>=|<=|~=|~>|\^)\s?)"
    rf"v?{_QUAD}(?:(?:\s?[,/&-]\s?|\s(?:and|or|to|through|und|et|y)\s)v?{_QUAD}){{0,8}}|(?:^|[^\w.]){_QUAD}-(?:rc|alpha|beta|dev|pre|snapshot|final|\d{{1,5}}-g[0-9a-f])\w*"
    rf"|(?:^|[^\w.]){_QUAD}\s(?:(?:is|was|has been|gets?)\s(?:now\s)?)?(?:released|deprecated|unsupported|end.of.life)\b|(?:^|[^\w.]){_QUAD}\s(?:is|was)\s(?:the|our|an?)\s(?:\w+\s){{0,2}}(?:version|release|build)\b)"
)
_GROUPS = (  # three or more of an IPv6 address, one of them of three or four digits: no time of day
    r"(?:[0-9a-f]{3,4}(?:::?[0-9a-f]{1,4}){2,7}|(?:[0-9a-f]{1,4}::?){1,6}[0-9a-f]{3,4}(?:::?[0-9a-f]{1,4}){1,6}"
    r"|(?:[0-9a-f]{1,4}::?){2,7}[0-9a-f]{3,4})"
)
_LETTER = r"A-Za-z\x{C0}-\x{24F}\x{370}-\x{52F}"  # no script that is written without spaces
_ADDRESS = rf"[{_LETTER}0-9][{_LETTER}0-9._%+-]*(?:@|%40|＠)(?:[{_LETTER}0-9-]+\.)+[{_LETTER}]{{2,24}}"


def _email(text: str) -> int:
    """Accept an e-mail address, but not a Git remote or the name of an image file."""
    return 0 if text[:4] == "git@" or text.rpartition(".")[2].lower() in _FILE_SUFFIXES else len(text)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _international(text: str) -> int:
    digits = _digits(text).removeprefix("00" if text.startswith("00") else "")
    return len(text) if 8 <= len(digits) <= 15 and is_calling_code(digits) else 0


def _national(text: str) -> int:
    digits = _digits(text)
    zeros = digits.count("0") * 2 > len(digits)  # a table of numbers, not one
    return len(text) if 9 <= len(digits) <= 12 and not zeros and not _DATE.match(text) else 0


def _named_phone(text: str) -> int:
    return len(text) if 6 <= len(_digits(text)) <= 15 and not _DATE.match(text) else 0


def _ssn(text: str) -> int:
    """Accept a number that the Social Security Administration can have issued."""
    compact = _digits(text)
    area, group, serial = compact[:3], compact[3:5], compact[5:]
    issued = area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"
    return len(text) if issued else 0


def _ipv4(text: str) -> int:
    """Accept an address of a host: not loopback, not a netmask."""
    return 0 if text.startswith(("0.", "127.", "255.")) else len(text)


def _ipv6(text: str) -> int:
    """Accept eight groups, or fewer with one `::`."""
    gaps = text.count("::")
    groups = len(text.strip(":").split(":")) - (gaps and "::" in text.strip(":"))
    return len(text) if (groups < 8 and gaps == 1) or (groups == 8 and not gaps) else 0


_RULES = RuleSet(
    (
        DetectorRule("email", _ADDRESS, accept=_email),
        DetectorRule("email", r"(?i)[a-z0-9][a-z0-9._%+-]* ?[\[(] ?at ?[\])] ?[a-z0-9-]+(?: ?[\[(] ?dot ?[\])] ?|\.)[a-z]{2,24}"),
        DetectorRule("email", r"(?i)\b[a-z0-9]+(?: dot [a-z0-9]+)* at [a-z0-9-]+(?: dot [a-z0-9-]+)* dot [a-z]{2,10}\b", 0.7),
        DetectorRule("phone", r"\B\+[1-9](?:[ ().\-/]{0,2}\d){6,16}\b", 0.9, _international),
        DetectorRule("phone", r"\b00[1-9](?:[ ().\-/]{0,2}\d){7,16}\b", 0.7, _international),
        DetectorRule("phone", r"(?:\b1[ .-])?(?:\([2-9]\d\d\) ?|\b[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}\b", 0.8),
        DetectorRule("phone", r"\b0[1-9]\d{0,4}(?:[ /.-]{1,3}\d{2,8}){1,5}\b", 0.7, _national),
        DetectorRule("phone", r"\(0[1-9]\d{0,4}\)[ -]?\d[\d /-]{4,10}\d\b", 0.8),
        DetectorRule("phone", r"\b1[3-9]\d[ -]\d{4}[ -]\d{4}\b", 0.7),
        DetectorRule("phone", rf"(?i)\b{_NAMED}\b[^\d+\n]{{0,12}}(\+?\(?\d[\d ().\-/]{{4,18}}\d)\b", 0.7, _named_phone),
        DetectorRule("card", r"\b[2-68]\d{3}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}\b", accept=card_length),
        DetectorRule("card", r"\b3\d{3}[ -]\d{6}[ -]\d{4,5}\b", accept=card_length),
        DetectorRule("card", r"\b[2-68]\d{11,18}\b", 0.9, card_length),
        DetectorRule("iban", r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,32}\b", accept=iban_length),
        DetectorRule("us_ssn", r"\b\d{3}-\d{2}-\d{4}\b", 0.9, _ssn),
        DetectorRule("us_ssn", r"(?i)\b(?:ssn|social security(?: number| no\.?)?)\b[^\d\n]{0,24}(\d{3}[ -]?\d{2}[ -]?\d{4})\b", accept=_ssn),
        DetectorRule("ip_address", rf"(?:^|[^\w.])({_QUAD})(?:[^\w.]|\.[^\w]|\.?$)", 0.6, _ipv4),
        DetectorRule("ip_address", rf"(?i){_VERSION}", 0.0),
        DetectorRule("ip_address", rf"(?i)(?:^|[^\w:.])((?:::)?{_GROUPS}(?:::)?)(?:[^\w:]|$)", 0.8, _ipv6),
        *API_KEYS,
    )
)  # fmt: skip


find_pii = found_by(_RULES)
"""Find personal data in a text."""


def detector(options: Options) -> Detector:
    """Build the detector. Raises `ManifestError`."""
    return redacting_detector(find_pii, CATEGORIES, options)
