"""What says the opposite of an injection though it has its words: reminders, warnings of attacks, quotations of them."""

from acs_sidecar.detectors.folding import folded_pattern
from acs_sidecar.detectors.injection.languages import some_words as _w
from acs_sidecar.detectors.rules import DetectorRule

__all__ = ["HARMLESS", "QUOTED"]

_REMINDERS = (
    r"\b(?:do not|don t|dont|never|not) +(?:ever +)?(?:forget|overlook|neglect)\b",
    r"\b(?:vergiss|vergessen sie|vergesst) +(?:bitte +)?nicht\b|\bnicht +(?:zu +)?vergessen\b",
    r"\bn (?:oublie|oubliez|oublions)(?: pas)?\b|\bne pas oublier\b",
    r"\bno +(?:olvides?|olviden|olvidar|omitas?)\b|\bnon +(?:dimenticare|dimenticate|dimentichi)\b",
    r"\bnao +(?:se )?(?:esqueca|esquecam|esquecer)\b|\b(?:vergeet|vergeten) +(?:vooral +)?niet\b|\bniet +(?:te +)?vergeten\b",
    r"не +(?:забудь(?:те)?|забывай(?:те)?|забыть)",
    r"\b(?:đừng|không|chớ) +(?:bao giờ +)?quên\b|\bjangan +(?:lupa|abaikan)[^ ]*|\bglöm +inte\b|\bglem +ikke\b|\bälä +unohda\b|\bnu +uita(?:ți)?\b|\bne +felejts[^ ]*",
    r"не +забрав[^ ]*|μην? +(?:ξεχν|ξεχάσ|αγνο)[^ ]*|אל +ת(?:שכח|תעלם|תעלמ)[^ ]*|(?:न|ना|मत|नहीं) +(?:भूल|अनदेख|नज़र)[^ ]*|(?:อย่า|ห้าม)(?:ลืม|ละเว้น|เพิกเฉย)",
    r"(?:不要|别|請勿|请勿|勿)(?:忘记|忘掉|忘記|跳过)|忘れ(?:ない|す|ること|るの|なく)",
)  # fmt: skip

_NOT = r"(?:do not|don t|dont|never|must not|mustn t|should not|shouldn t|cannot|can t|may not|not to|refuse to|refuses to|without)"
_FOLLOW = r"(?:follow|following|obey|obeying|execute|executing|act on|acting on|act upon|comply with|trust|trusting|carry out|respond to|accept|run|heed|believe)"
_ORDERS = r"(?:instructions?|commands?|orders|requests?|directives?|prompts?|directions)"
_DATA = (  # what others wrote: not a system, a developer or a user
    r"(?:documents?|pages?|web|websites?|results?|outputs?|databases?|tickets?|e ?mails?|mails?|message bodies|files?|content|contents|data|text|texts|attachments?"
    r"|third part(?:y|ies)|comments?|pdfs?|images?|search|responses?|records?|rows?|logs?|code|repositor(?:y|ies)|issues?|strangers|transcripts?|descriptions?|feeds?|it|them|there|here)"
)
_ASSISTANT = r"(?:an?|the|its?|their|our|any|your) +(?:ai +)?(?:assistants?|agents?|models?|llms?|bots?|chatbots?|ai)|(?:assistants|agents|models|llms|bots|chatbots)"
_WARNINGS = (
    rf"\b{_NOT} +(?:ever +|blindly +|simply +){{0,2}}{_FOLLOW} +(?:any +|all +|the +|such +|those +|these +|other +|embedded +|hidden +){{0,3}}{_ORDERS} +{_w(4)}(?:in|inside|within|from|by|on|of|found|returned|into) +{_w(4)}{_DATA}\b",
    rf"\b{_NOT} +(?:ever +)?(?:reveal|disclose|share|repeat|print|show|expose|leak|output|give out|hand out) +{_w(3)}system +(?:prompts?|messages?|instructions?)\b",
    rf"\b{_NOT} +(?:ever +|blindly +){{0,2}}{_FOLLOW} +(?:any +|all +)?(?:such|embedded|injected) +{_ORDERS}\b",
    rf"\b{_ORDERS} +{_w(3)}(?:in|inside|within|from) +{_w(4)}{_DATA} +(?:must|should|may|can|are|is) +(?:not|never)(?: +be)? +(?:to be +)?(?:followed|obeyed|executed|trusted|acted)\b",
    rf"\bif +{_w(5)}(?:asks?|tells?|instructs?|orders?|wants?|demands?|tries|requests?) +(?:you +|them +|it +|(?:{_ASSISTANT}) +)?(?:to +)?{_w(14)}(?:refuse|decline|reject|say no|flag (?:it|this|the)|report (?:it|this|the)|do not (?:comply|obey|follow|answer|do so))\b",
    rf"\b(?:that|which|who|pages?|texts?|messages?|e ?mails?|documents?|attackers?|websites?|attacks?|injections?) +(?:try to +|tries to +|may +|might +|can +|could +|often +|sometimes +)?(?:tell|tells|ask|asks|instruct|instructs|order|orders|urge|urges|trick|tricks|get|make|makes|convince|convinces) +(?:{_ASSISTANT}) +(?:in)?to +{_w(8)}[^ ]+",
)

HARMLESS = tuple(DetectorRule("harmless", folded_pattern(pattern)) for pattern in (*_REMINDERS, *_WARNINGS))
"""Whoever says these wants nothing forgotten, or nothing obeyed: over folded text."""

_QUOTE = r"(?:[\"“”„«»‹`「『][^\"“”„«»‹›`「」『』\n]{3,200}[\"“”»›«`」』]|['‘‚][^'’‘\n]{3,200}['’‘])"
_WROTE = (  # who quotes with one of these tells what others write
    r"text|texts|words?|wording|sentences?|strings?|lines?|messages?|prompts?|e-?mails?|pages?|comments?|payloads?|patterns?|examples?|phrases?"
    r"|satz|sätze|zeilen?|texte?|wörter|wendung(?:en)?|nachrichten|phrases?|textes?|mots|lignes|courriels|frases?|textos?|palabras|correos|mensajes"
    r"|mensagens|parole|frasi|messaggi|zin(?:nen)?|teksten|berichten|фраз[аыу]?|текст[ыа]?|сообщени[яй]|zdani[ae]|teksty"
)
_SUCH = r"such as|like|saying|says?|said|reading|reads|containing|contains?|wie|mit|der form|comme|du type|como|con|com|come|tipo|zoals|met|вроде|типа|takie jak|jak"
_AGGRESSORS = (
    r"attack(?:s|er|ers)?|injections?|injected|malicious|jailbreaks?|adversar(?:y|ies|ial)|phishing|hostile|hackers?|scammers?|fraudsters?"
    r"|angreifer\pL*|angriff\pL*|betrüger\pL*|attaquants?|attaques?|pirates?|fraudeurs?|atacantes?|ataques?|estafadores?|invasores?|golpistas?"
    r"|attaccant[ei]|attacchi|truffatori|aanvallers?|aanval(?:len)?|oplichters?|злоумышленник\pL*|мошенник\pL*|атак\pL*|napastni\pL*|oszust\pL*|payloads?|red.?team(?:s|ing)?"
)
QUOTED = (
    DetectorRule(
        "quoted",
        rf"(?i)(?:^|[^\pL])(?:{_AGGRESSORS}|(?:the|die|der|la|le|a|o|de|het) (?:phrases?|sentence|string|satz|frase|zin)|phrases|(?:{_WROTE}):? (?:{_SUCH}):?)(?:[^\pL\n.!?\"“”„«»‹`'‘‚「『][^\n.!?\"“”„«»‹`'‘‚「『]*)?"
        rf"({_QUOTE}(?:,? (?:and |or |und |oder |et |ou |y |o |e )?{_QUOTE})*)",
    ),
    DetectorRule("quoted", rf"攻[撃击擊]者[^。\n\"“”「『]{{0,40}}({_QUOTE})"),
    DetectorRule(
        "quoted",
        rf"(?i)({_QUOTE}) (?:is|are|was|were|gets?|should be|must be|will be) (?:\w+ )?(?:blocked|flagged|detected|rejected|refused|caught|filtered|stopped|reported|escaped|saniti[sz]ed|neutrali[sz]ed|quoted)\b",
    ),
)
"""Examples of attacks in quotation marks, beside words that call them so: over the text as it is."""
