"""`secrets`: keys and tokens by the pattern of their issuer, private keys, passwords in assignments and URLs."""

import re

from acs_sidecar.detectors.findings import Detector
from acs_sidecar.detectors.options import Options
from acs_sidecar.detectors.rules import DetectorRule, RuleSet, occurrence
from acs_sidecar.detectors.value_texts import found_by, redacting_detector

__all__ = ["API_KEYS", "CATEGORIES", "detector", "find_secrets"]

CATEGORIES = ("api_key", "bearer_token", "jwt", "password", "private_key", "url_credentials")

_ISSUED = (
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",  # AWS
    r"\bgh[opsur]_[A-Za-z0-9]{36,}",  # GitHub
    r"\bgithub_pat_[A-Za-z0-9_]{60,}",
    r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_-]{20,64}",  # GitLab
    r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}",  # Slack
    r"\bxapp-\d-[A-Z0-9]{8,14}-\d{10,15}-[a-f0-9]{40,}",
    r"\bhooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28}",
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"\bwhsec_[A-Za-z0-9+/=]{32,}",
    r"\bAIza[A-Za-z0-9_-]{35}",  # Google
    r"\bya29\.[A-Za-z0-9_-]{30,}",
    r"\bGOCSPX-[A-Za-z0-9_-]{28}",
    r"\bhf_[A-Za-z]{34}",  # Hugging Face
    r"\bnpm_[A-Za-z0-9]{36}",
    r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
    r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",  # SendGrid
    r"\bSK[0-9a-f]{32}\b",  # Twilio
    r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"\b[MN][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",  # Discord
    r"\bAccountKey=[A-Za-z0-9+/]{86}==",  # Azure
    r"\b[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{31,34}",
    r"\bdo[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",  # Shopify
    r"\bdapi[a-f0-9]{32}",  # Databricks
    r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",  # Vault
    r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}",  # Terraform
    r"\blin_api_[A-Za-z0-9]{40}",  # Linear
    r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}",  # Postman
    r"\bkey-[0-9a-f]{32}\b",  # Mailgun
    r"\b[0-9a-f]{32}-us\d{1,2}\b",  # Mailchimp
    r"\bNRAK-[A-Z0-9]{27}",  # New Relic
    r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}",  # Square
    r"\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}",
    r"\bglsa_[A-Za-z0-9]{32}_[a-f0-9]{8}",  # Grafana
    r"\bgsk_[A-Za-z0-9]{52}",  # Groq
    r"\bxai-[A-Za-z0-9]{70,}",
    r"\br8_[A-Za-z0-9]{37}",  # Replicate
)

_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_PLACEHOLDERS = (
    "example", "placeholder", "changeme", "change-me", "change_me", "your", "xxxx", "****", "....", "redacted",
    "dummy", "sample", "hidden", "secret_", "todo", "none", "null", "undefined", "environ", "getenv", "process.",
    "config.", "settings.", "self.", "os.", "vault:", "string",
)  # fmt: skip
_is_placeholder = occurrence("(?i)" + "|".join(map(re.escape, _PLACEHOLDERS)))
_NAMED = (
    r"(?:pass(?:word|wd|phrase)|pwd|passwort|kennwort|mot[ _]de[ _]passe|contraseña|senha|пароль|密码|パスワード"
    r"|hasło|secret[ _-]?key|secret|token|api[ _-]?key|(?:access|private|auth|storage|account|shared|signing|encryption|master|service)[ _-]?key|credential|\bpass)"
)

_PAGING = (  # hands over the next page, or names a colour: no secret
    r"(?:next|prev|previous|page|paging|pagination|continuation|continue|sync|delta|resume|scroll|cursor|start|design|color|colour|theme|spacing|font)"
    r"(?:[ _.-]?(?:page|paging|sync|link|set|list|results?))?[ _.-]?token"
)
_ASSIGNS = r"(?:\x00(?:value\x00)?|\\{0,7}[\"']?\]?\s{0,3}(?::=|=>|=|:)\s{0,3}|\s(?:is|ist|est|es|è|é)\s)\\{0,7}[\"']?"
_VALUE = r"(?:[^\s\x00\"'`,;\\]|\\+[^\s\x00\"'`,;\\])"  # a quote ends it, escaped or not
_WORD = r"[A-Z]?[a-z]{2,14}(?:[A-Z][a-z]{1,14}){0,3}"
_WORDS = rf"(?-i:{_WORD}(?:[-._/](?:{_WORD}|\d{{1,4}})){{1,8}}(?:[-._/]?\d{{1,4}})?)(?:[\s\x00\"'`,;\\]|$)"


def _with_digits(text: str) -> int:
    """Accept a random-looking token: one with 12 letters and digits in a row."""
    runs = text.replace("-", "_").split("_")
    return len(text) if any(len(run) >= 12 and _mixed(run) for run in runs) else 0


def _assigned(text: str) -> int:
    """Accept the value of an assignment unless it is a placeholder, a reference or a plain word."""
    if text[0] in "$<{%*(-" or not _mixed(text) or len(set(text)) < 5:
        return 0
    return 0 if _is_placeholder(text) else len(text)


def _mixed(text: str) -> bool:
    return bool(_DIGIT.search(text) and _LETTER.search(text))


def _credentials(text: str) -> int:
    """Accept `user:password` unless the password is a placeholder."""
    password = text.partition(":")[2].lower()
    fake = not password or password[0] in "$<{%*[" or set(password) <= {"x", "*", "."}
    return 0 if fake or password in ("password", "pass", "pwd", "secret") else len(text)


def _key_body(text: str) -> int:
    """Accept a key with its content, but not a mere mention of its first line."""
    body = text.split("-----", 2)[2]
    return len(text.rstrip()) if sum(map(str.isalnum, body)) >= 48 else 0


API_KEYS = (
    *(DetectorRule("api_key", pattern) for pattern in _ISSUED),
    DetectorRule("api_key", r"\bsk-[A-Za-z0-9_-]{20,}", accept=_with_digits),  # OpenAI, Anthropic, OpenRouter
)

_RULES = RuleSet(
    (
        *API_KEYS,
        DetectorRule("jwt", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", 0.9),
        DetectorRule("bearer_token", r"(?i)\b(?:bearer|basic)[ \t]{1,3}([A-Za-z0-9._~+/-]{16,}={0,2})", 0.8, _with_digits),
        DetectorRule("password", rf"(?i){_NAMED}{_ASSIGNS}({_VALUE}{{6,}})", 0.8, _assigned),
        DetectorRule("password", rf"(?i)(?:{_PAGING}{_ASSIGNS}|token{_ASSIGNS}{_WORDS})", 0.0),
        DetectorRule("password", r"(?i)\bmachine\s+\S{1,80}\s+(?:login\s+\S{1,80}\s+)?password\s+([^\s\x00\"'`,;]{6,})", 0.8, _assigned),
        DetectorRule("password", r"(?i)(?:--password[ =]|--token[ =]|--api-key[ =]|\b(?:sshpass|docker login|mysql|mysqldump)\b[^\n\x00]{0,80}\s-p ?|\bcurl\b[^\n\x00]{0,80}\s-u ?[^\s:\x00]{1,40}:)([^\s\x00\"'`,;]{6,})", 0.8, _assigned),
        DetectorRule("url_credentials", r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://([^\s\x00/:@\"'<>]*:[^\s\x00/@\"'<>]+)@", 0.9, _credentials),
        DetectorRule(
            "private_key",
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:[^\x00-]|-[^\x00-])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*)",
            accept=_key_body,
        ),
    )
)  # fmt: skip


find_secrets = found_by(_RULES)
"""Find credentials in a text."""


def detector(options: Options) -> Detector:
    """Build the detector. Raises `ManifestError`."""
    return redacting_detector(find_secrets, CATEGORIES, options)
