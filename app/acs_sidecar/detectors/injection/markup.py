"""How prompt injections hide or pose as another turn: expressions over the text as it is."""

from acs_sidecar.detectors.rules import DetectorRule

__all__ = ["MARKUP"]

_ORDER = (
    r"(?:ignore|disregard|instructions?|system prompt|assistant|ai|a\.i\.|llm|language model|chatbot|you must|do not tell|secretly|agent must"
    r"|exfiltrate|override|ignorier\w*|anweisung\w*|ignorez|instrucciones|istruzioni)"
)
_UNSEEN = (
    r"(?:display:\s{0,2}none|font-size:\s{0,2}0|visibility:\s{0,2}hidden|opacity:\s{0,2}0[;\"'\s]|color\s{0,2}[:=]\s{0,2}[\"']?(?:white|#fff(?:fff)?|transparent)\b"
    r"|(?:left|top|text-indent):\s{0,2}-\d{3,5}|\bhidden\b|aria-hidden=.?true)"
)
_INVISIBLE = r"\x{200B}-\x{200F}\x{2060}-\x{2064}\x{FEFF}\x{00AD}\x{034F}\x{180E}"

_TAGS = r"\x{1F3F4}?[\x{E0020}-\x{E007E}]{2,}"


def _not_a_flag(text: str) -> int:
    """Accept tag characters other than those of the flags of England, Scotland and Wales."""
    return 0 if text[0] == "\U0001f3f4" and len(text) <= 7 else len(text)


MARKUP = tuple(
    DetectorRule(category, pattern, score, _not_a_flag if pattern is _TAGS else len)
    for category, score, pattern in (
        ("fake_turn", 0.8, r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|begin_of_text|start_header_id|end_header_id|eot_id|end_of_turn)\|>"),
        ("fake_turn", 0.8, r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"),
        ("fake_turn", 0.6, r"(?i)</?(?:system|system_prompt|system-prompt|system_message|sys|developer|admin|system_override|important_instructions|secret)>"),
        ("fake_turn", 0.5, r"<IMPORTANT>|</?INSTRUCTIONS?>"),
        ("fake_turn", 0.6, r"(?im)^[\s>*#-]{0,8}(?:\[system\]|\(system\)|###\s{0,2}(?:system|instructions?|new instructions?)\s{0,2}(?::|$))"),
        ("fake_turn", 0.5, r"(?im)^\s{0,4}(?:system|assistant|developer) ?(?:message|prompt|override|note|notice)?\s{0,2}:\s{0,2}(?:you|ignore|the user|from|new|disregard|access|authorized|override|sure|please|all)\b"),
        ("fake_turn", 0.5, r"(?i)\n\n(?:human|user): [^\n]{0,400}\n\n(?:assistant|ai):"),
        ("fake_turn", 0.6, r"(?i)[-=#*]{3,20}\s{0,3}(?:end|begin|start)(?:ing)? (?:of )?(?:the )?(?:system|user input|user query|prompt|context|document|untrusted|instructions|new instructions)[^\n]{0,30}[-=#*]{3,20}"),
        ("hidden_markup", 0.6, rf"(?i)<!--[^>]{{0,300}}\b{_ORDER}\b"),
        ("hidden_markup", 0.7, rf"(?i){_UNSEEN}[^<>]{{0,120}}>[^<]{{0,300}}\b{_ORDER}\b"),
        ("hidden_markup", 0.6, rf"(?i)\[//\]: ?# ?[(\"'][^\n]{{0,300}}\b{_ORDER}\b"),
        ("hidden_markup", 0.6, r"(?i)\b(?:alt|title|aria-label|content|data-[a-z]{1,20})=[\"'][^\"'<>]{0,200}\b(?:ignore (?:all|previous|the)|disregard|system prompt|you must|ai assistant|language model)\b"),
        ("exfiltration", 0.7, r"(?i)!\[[^\]\n]{0,200}\]\(\s{0,2}<?https?://[^)\s]{0,300}(?:[?&=/#.-])(?:\{|%7B|<|\$|\[)"),
        ("exfiltration", 0.6, r"(?i)!\[[^\]\n]{0,200}\]\(\s{0,2}<?https?://[^)\s]{0,300}[?&](?:data|secret|prompt|history|conversation|context|leak|exfil|stolen|password|token|key|c|q|d|msg|info|payload|chat)=[^)\s]{0,300}"),
        ("exfiltration", 0.6, r"(?i)<img[^>]{0,200}src=[\"']?https?://[^\"'>\s]{0,300}[?&][a-z_]{1,20}=(?:\{|%7B|\$|\[|<)"),
        ("invisible_text", 0.9, r"(?:^|[^\x{1F3F4}\x{E0020}-\x{E007F}])([\x{E0020}-\x{E007E}]{2,})"),
        ("invisible_text", 0.9, r"[\x{E0100}-\x{E01EF}]{2,}|[\x{FE00}-\x{FE0F}]{3,}"),
        ("invisible_text", 0.6, rf"[{_INVISIBLE}]{{6,}}"),
        ("invisible_text", 0.6, r"[\x{202D}\x{202E}]"),
        ("invisible_text", 0.5, r"[A-Za-z0-9/*\"'(){};][\x{2066}\x{2067}\x{202A}\x{202B}]+[ A-Za-z0-9/*\"'(){};]"),
        ("invisible_text", 0.5, r"(?:[A-Za-z][\x{200B}\x{2060}-\x{2064}\x{FEFF}\x{180E}\x{200C}\x{200D}]{1,3}){3,}[A-Za-z]"),
        ("invisible_text", 0.5, r"(?:[A-Za-z]\x{00AD}){4,}[A-Za-z]"),
    )
)  # fmt: skip
