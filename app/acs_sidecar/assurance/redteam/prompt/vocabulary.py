"""The words of prompts by what they are for, as expressions that are searched without case (section 8.4)."""

__all__ = [
    "ACTION",
    "AGENTS",
    "ALIKE",
    "ANSWER",
    "AN_ORDER",
    "BEGINS",
    "BOUND",
    "CHANGE",
    "CHECK",
    "CONFIDENTIAL",
    "DEMANDS",
    "DIRECTS",
    "ENCODED",
    "EXTENSION",
    "FORBIDS",
    "FORMAT",
    "GATE",
    "HARMFUL",
    "HARMLESS",
    "INPUT",
    "IN_FORCE",
    "LANGUAGE",
    "LENGTH",
    "MAKE",
    "MISUSE",
    "NOT_ORDERS",
    "NO_MORE",
    "OBEY",
    "OBEYED_THERE",
    "ODD",
    "ORDERS",
    "ORIGIN",
    "OUTSIDE",
    "PRESSURE",
    "PROOF",
    "ROLE",
    "RULES",
    "SAME_RULES",
    "SOMEBODY",
    "TELL",
    "TOOLS",
    "TO_YOU",
    "TWISTED",
    "UNMOVED",
    "USE",
    "WHAT_IT_SAYS",
    "near",
    "words",
]


def near(gap: int, *parts: str) -> str:
    """Return an expression for parts in this order, at most `gap` characters from one to the next."""
    return rf".{{0,{gap}}}?".join(f"(?:{part})" for part in parts)


def words(*alternatives: str) -> str:
    return rf"\b(?:{'|'.join(alternatives)})\b"


FORBIDS = words(
    "never", "not", r"\w+n['’]t", "refuse[ds]?", "ignored?", "reject(?:ed)?", "declined?", "disregard(?:ed)?", "forbidden",
    "prohibited", "cannot", "nobody", "nothing", "nor", "no",
)  # fmt: skip
DEMANDS = words(
    "must", "shall", "only", "always", "should", "has to", "have to", "needs?", "required?", "requires",
)  # fmt: skip
BEGINS = (
    r"^(?:please |i |we |you |and |then )*(?:always |must )?"
    r"(?:"
    + "|".join(
        (
            "check",
            "validate",
            "verify",
            "normali[sz]e",
            "saniti[sz]e",
            "escape",
            "ensure",
            "confirm",
            "make sure",
            "repeat",
            "ask",
            "accept",
            "get",
            "obtain",
            "seek",
            "request",
            "require",
            "wait",
            "escalate",
            "hand",
            "cut",
            "truncate",
            "stop",
            "limit",
            "treat",
            "regard",
            "consider",
            "use",
            "call",
            "decode",
            "refuse",
            "reject",
            "stay",
            "remain",
            "maintain",
            "keep",
            "protect",
            "redact",
            "mask",
            "answer",
            "respond",
            "reply",
            "return",
            "format",
            "apply",
            "grant",
            "load",
            "install",
            "trust",
            "summari[sz]e",
        )
    )
    + r")\b"
)
DIRECTS = f"(?:{FORBIDS}|{DEMANDS}|{BEGINS})"


TELL = words(
    r"reveal\w*", r"disclos\w+", r"shar(?:e|ed|ing)", "repeat(?:ed)?", "print(?:ed)?", "tell", "told", r"quot(?:e|ed|ing)",
    "expose[ds]?", "leak(?:ed)?", "give out", "give away", "forward(?:ed)?", "publish(?:ed)?", "read out", "output", "emit",
    "mention", "show", "recite", "paste", r"divulg\w+", "hand over", "pass on", "confirm the existence", "discuss", "summari[sz]e",
    "send", "copy", "include", "encode",
)  # fmt: skip
CONFIDENTIAL = words(
    r"(?:personal|sensitive|raw|patient|customer) data", "personal", "private", r"customers?['’]?s?", r"patients?['’]?", r"clients?", "employees?", "readers?", "other people", "secrets?", r"credentials?",
    "passwords?", "tokens?", r"(?:api )?keys?", r"card numbers?", "passports?", r"accounts?", r"address(?:es)?",
    r"phone numbers?", r"identifiers?", "confidential", "privileged", r"internal \w+", r"(?:system |this )prompt", "under seal",
    r"(?:these|this|your|the|its) (?:own )?(?:instructions?|rules|guidelines|directions|polic(?:y|ies)|commandments|text|configuration)",
    "pii", "salar(?:y|ies)", "alarm code", "borrowed", r"connection strings?", r"\.env", "who is at home", "ledgers?", "health",
)  # fmt: skip
OUTSIDE = words(
    r"documents?", r"(?:web ?|wiki ?)?pages?", r"web ?sites?", r"(?:e-?)?mails?", r"files?", r"attachments?", r"uploads?", r"tool (?:output|result)s?",
    r"(?:search |tool )?results?", r"logs?", r"log lines?", "tickets?", r"notes?", r"reviews?", r"articles?", r"invoices?", r"letters?", r"comments?",
    r"cells?", r"cell values?", "content", "contents", r"sources?", "from outside", "external", "untrusted", "third[- ]part(?:y|ies)", r"strangers?",
    r"pasted", r"retrieved", r"descriptions?", r"messages", r"alerts?", r"chats?", "news", r"readmes?", "cvs", "forms?", "web", "feeds?",
    r"scrolls?", r"voices?", "text that you read", r"transcripts?", r"snippets?", r"attachments?", r"quoted", r"sites?", r"records?", "calendar",
    r"(?:tool|function|api) (?:calls?|responses?|returns?|outputs?)", "browse[ds]?", "images?", "pdfs?", "metadata", "repositor(?:y|ies)",
)  # fmt: skip
ORDERS = words(
    r"instructions?", r"commands?", r"orders?", r"directions?", r"directives?", r"requests?", "follow(?:ed)?", "obey(?:ed)?", r"act(?:ed)? (?:up)?on",
    r"executed?", r"carr(?:y|ied) out", "heed(?:ed)?", "do what", "tells? you", "talk to you", "addressed to you",
)  # fmt: skip
NOT_ORDERS = f"(?:{FORBIDS}|" + words(
    r"(?:as|is|are|only) (?:data|information|evidence|quotations?|inputs?|text|facts|reference|content|material)", r"untrusted", r"hostile", "untrustworthy",
    "data only", "inert",
) + ")"  # fmt: skip
ACTION = words(
    r"refund\w*", r"pay\w*", r"transfer\w*", r"purchas\w+", "buy(?:ing)?", r"book(?:ed|ing)?", r"orders?", r"cancel\w*", r"transactions?", r"deploy\w*",
    r"delet\w+", r"migrations?", r"contracts?", "sen[dt]", "sign", r"publish\w*", "charge", r"adoptions?", r"appointments?", r"unlock\w*", r"exports?",
    r"money", "spen[dt]", "writes? to", r"isolat\w+", r"actions?", r"offers?", "leave", r"filings?", "sell", "costs?", "trades?", "destructive", "irreversible",
    "bookings?", "trips?", r"wire", r"submit\w*", r"modif\w+", r"remov\w+", "high-risk", "sensitive operations?", "merge",
    "funds", "withdraw\\w*",
)  # fmt: skip
GATE = words(
    r"approv\w+", r"confirm\w*", r"consents?", r"sign-?offs?", r"authori[sz]\w+", "said yes", r"permission", "double-check", "go-ahead", "sign off",
    r"ask (?:\w+ ){0,5}(?:before|first)", r"check (?:\w+ ){0,3}with (?:a|the|your)", r"hand(?:ed)? (?:it |them |the \w+ )?(?:over )?to a", "escalated?", "reviewed by",
    r"(?:human|person|parent|colleague|manager|operator|supervisor|user|owner) (?:must|has to|decides|agrees)",
)  # fmt: skip
ROLE = words(
    r"role-?play\w*", r"pretend\w*", r"personas?", r"(?:in|break|another|any|other|of) character", r"impersonat\w+", r"impressions?",
    r"(?:an)?other (?:roles?|identit(?:y|ies)|assistant|model|agent|persona|character|mask|person)", "another['’]s mask",
    "act as", r"different (?:role|model|assistant)", r"(?:this|your|the|its) (?:role|function)", "change role", r"other roles",
    r"(?:developer|unrestricted|unfiltered|debug) (?:mode|version)", "be somebody else",
    r"deviat\w+ from", "jailbr(?:ea|o)k\\w*", "alter ego", "unrestricted", "be someone else",
)  # fmt: skip
CHANGE = words(
    r"overrid\w+", "overrul\\w+", r"replac\w+", r"cancel\w*", r"supersed\w+", r"amend\w*", r"disregard\w*", r"forget", "forsake", r"set aside", r"relax", r"rewrite",
    r"drop", r"chang\w+", r"void", r"(?:are|is) off", "ignore (?:your|the|these|all|previous|what)", "new (?:instructions|rules)", r"talk you out", r"precedence",
    r"bypass\w*", r"modif\w+", "lift", r"supplant\w*", r"weaken\w*", r"alter\w*", r"updat\w+", r"suspend\w*", r"disabl\w+", r"turn(?:ed)? off", r"negotiat\w+",
)  # fmt: skip
RULES = words(
    r"rules?", r"instructions?", r"(?:system |this )?prompt", r"polic(?:y|ies)", r"directions?", r"script", "guidelines?", "were told",
    "written here", "restrictions?", "constraints?", "boundaries", "safeguards?", "guardrails?",
)  # fmt: skip
SOMEBODY = words(
    r"users?", "user messages?", r"some(?:one|body)", r"any(?:one|body)", r"nobody", r"nothing", r"messages?", r"requests?", r"attempts?", r"callers?", r"visitors?",
    "people", "person", "if", "that (?:try|claim|ask|say|tell)s?", "cannot be", "takes? precedence", "whoever", "later", "claims?",
)  # fmt: skip
HARMFUL = words(
    r"malware", r"(?:working )?exploits?", r"exploit code", r"phishing", r"malicious", r"back ?doors?", r"credential stealers?", r"weapons?", r"ransomware", "virus(?:es)?",
    r"harmful", r"poisons?", r"deceiv\w+", r"defam\w+", r"untrue", "threatening", r"one-liners?", r"macros?", r"violent", r"hateful", "dangerous",
    r"harm(?:s|ed)?", "(?:code|scripts?) that runs?", "could be (?:run|executed|used to harm)", r"methods", "attack code", "deceptive", "explosives", "dosing"
)  # fmt: skip
MAKE = words(
    "write", "generate", "produce", "help", "craft", "draft", "create", "output", "give", "emit", "include", "explain", "provide", "say", "contain", "pass on", "return",
)  # fmt: skip
CHECK = words(
    r"check\w*", r"validat\w+", r"verif\w+", r"reject\w*", r"refuse", r"saniti[sz]\w+", r"normali[sz]\w+", r"ask again", "accept", "escaped?", "unchecked",
    "do not go on", "don['’]t save", "make sure", "ensure", "confirm that",
)  # fmt: skip
INPUT = words(
    r"formats?", r"(?:of|has) the form", r"malformed", r"(?:in)?valid", r"digits", r"schema", r"(?:out of )?range", r"plausib\w+", r"well[- ]formed", r"syntactically", r"parameters?",
    r"amounts?", r"input", r"identifiers?", r"paths?", r"dates", r"codes", r"degrees", r"numbers?", "quantit(?:y|ies)", "arguments?", "isins?", "length", "unchecked", "injection", "patterns?", r"ids?", "e-?mail address(?:es)?", "urls?", "types?", "fields?", "characters",
)  # fmt: skip
AGENTS = words(
    r"(?:sub-?)?agents?['’]?s?", r"bots?", r"devices", r"peers?", "other (?:assistants|models|systems)"
)
PROOF = words(
    r"trust\w*", r"authenticat\w+", r"verif\w+", r"signatures?", r"signed", r"unverified", r"proven", r"(?:identity )?tokens?", r"job tickets?", "identity", "allow-?list",
)  # fmt: skip
EXTENSION = words(
    r"skills?", r"plug-?ins?", r"extensions?", r"dependenc(?:y|ies)", r"packages?", r"mcp servers?", r"detection rules", r"tools or skills", r"(?:new|load|install) tools?",
    "connectors?", "models from",
)  # fmt: skip
ORIGIN = words(
    r"provenance", r"signatures?", r"signed", r"checksums?", r"verified", r"registry", r"approved (?:list|source)", r"trusted sources?", r"sources?", "repository", "publisher", "digest",
)  # fmt: skip
TOOLS = words(
    r"tools?", r"permissions?", r"access", r"privileges?", r"entitlements?", r"rights", r"databases?", r"catalogue", r"systems?", r"records?", r"forms?", r"apis?", r"lookup",
    r"cameras?", r"accounts?", "schemas?", "functions?", "scopes?", "address", "select",
)  # fmt: skip
NO_MORE = words(
    r"needs?", r"needed", r"requires?", r"required", r"necessary", r"(?:the|a|its) tasks?", r"at hand", r"(?:were|was|you) (?:asked|given)", r"asked about", r"did not ask", r"anything else",
    r"nothing else", r"other tools", r"no others", r"requested", r"reading tasks", r"never more", r"more (?:than|permissions)", r"write access", r"logged in",
    "only the", "only for", "form only", "only (?:use|call|query|change|read)", "of the trader", "minimum", "minimal", "smallest", "fewest", "narrowest",

)  # fmt: skip
ENCODED = words(
    r"base ?64", r"hex(?:adecimal)?", r"rot ?13", r"encod\w+", r"decod\w+", r"ciphers?", r"obfuscat\w+", r"revers\w+", r"backwards", r"secret code", r"code words",
    r"mirror writing", "morse", "leetspeak",
)  # fmt: skip
FORMAT = words(
    r"formats?", r"schema", r"json", r"template", r"plain[- ]text", r"html", r"scripts?", r"links?", r"urls?", r"tables?", r"markdown", r"citations", r"macros?", r"formulas?",
    "plain sentences", "free-form",
)  # fmt: skip
ANSWER = words(
    r"answers?", r"outputs?", r"return", r"respon\w+", r"repl(?:y|ies)", r"reports?", r"results?", r"itineraries", r"produce", r"include", r"emit", r"contain", r"suggest", "render",
)  # fmt: skip
LANGUAGE = words(
    r"languages?", "english", "german", "french", "spanish", "italian", "polish", "portuguese", "turkish", "chinese", "arabic", "russian", "japanese", "hindi", "translat\\w+",
)  # fmt: skip
ALIKE = words(
    r"same", r"appl(?:y|ies)", r"hold", r"count", r"kept", r"in (?:every|any|each|all) languages?", r"whichever", r"rules?", r"restrictions?", r"refused?", r"drop", "regardless",
)  # fmt: skip
PRESSURE = words(
    r"claims?", r"says? (?:so|that|he|she|they|it|my|the)", r"urgen\w+", r"authority", r"senior\w*", r"pressure", r"flatter\w+", r"threats?", r"hurry", r"begs?", r"sad stories",
    r"sympathy", r"rank", r"head office", r"tears", r"crying", r"angry", r"sorry", r"shouting", r"wrath", "friendship", "managers?", "mayor", "developer", "emergenc(?:y|ies)", "boss",
)  # fmt: skip
UNMOVED = words(
    r"exceptions?", r"change", r"procedure", r"authori[sz]ation", r"let", r"give in", r"rely", r"rights", r"swayed", r"refuse", r"trust", r"ignored?", r"accept", r"skip", r"believe",
    r"talked", r"bypass", "make an exception", r"depart\w*", "override", "comply", "complied", "waive", "relax", "loosen", "shortcuts?", "reason to", "grounds",
)  # fmt: skip
MISUSE = words(
    r"fraud", r"harass\w*", r"stalk\w+", r"crimes?", r"threats?", r"threaten\w*", r"bully\w*", r"smuggl\w+", r"hurt", r"harm", r"illegal", r"abus\w+", r"(?:market )?manipulation", r"insider dealing",
    r"violent", r"violence", r"retaliation", r"discriminat\w+", r"poisons?", r"self-harm", r"weapons?", r"individual persons", r"insults", "criminal", "spam", "rate limits?", "scams?",
)  # fmt: skip
ODD = words(
    r"unicode", r"homoglyphs?", r"invisible", r"zero[- ]width", r"weird letters", r"odd characters", r"look-?alikes?", r"foreign alphabets", r"control characters", "confusables?",
)  # fmt: skip
LENGTH = words(
    r"context(?: window)?", r"longer than", r"too long", r"(?:very |becomes? )long", r"long (?:log|input|text|conversation)", r"tokens", r"steps", "larger than the context", r"overlong", r"(?:very |overly |extremely )(?:long|large)", r"oversized?", "maximum length",
    "length", "padding", "filler",
)  # fmt: skip
BOUND = words(
    r"cut", r"truncat\w+", r"in parts", r"summari[sz]e", r"push", r"drop", r"stop", r"exceed\w*", r"limit\w*", r"refuse", r"keep", r"lose", r"forget", "loop", "guess",
)  # fmt: skip

TWISTED = r"\b(?:not|never|n['’]t) (?:to )?(?:ask for|require|check|validate|verify|wait for)\b"
AN_ORDER = r"\b(?:ignore|disregard|forget) (?:all |any )?(?:your |the |my )?(?:previous|prior|earlier) (?:instructions|rules)(?! *['\"”])"

OBEY = words(
    "follow(?:ed)?",
    "obey(?:ed)?",
    r"act(?:ed)? (?:up)?on",
    "executed?",
    r"carr(?:y|ied) out",
    "heed(?:ed)?",
    "do (?:it|what|anything)",
    "open",
    "run",
    "comply",
)
WHAT_IT_SAYS = words(
    r"instructions?",
    r"commands?",
    r"orders?",
    r"directions?",
    r"directives?",
    r"requests?",
    "it",
    "them",
    "they",
    "anything",
    "what",
    "whatever",
    "such text",
)
TO_YOU = words(
    r"instructions?",
    r"commands?",
    r"orders?",
    r"directions?",
    r"directives?",
    r"requests?",
    "sentences?",
    r"(?:tells?|talk to|addressed to) you",
)
HARMLESS = words(
    r"(?:as|is|are|be|only) (?:data|information|evidence|quotations?|inputs?|text|facts|reference|content|material|opaque)", "untrusted", "hostile",
    r"(?:not|never) (?:as )?(?:an? )?(?:instructions?|commands?|orders?)", "inert", "data only",
)  # fmt: skip
SAME_RULES = words(
    "rules?",
    "restrictions?",
    r"polic(?:y|ies)",
    "refused?",
    "same holds",
    "requirements?",
    "constraints?",
    "safeguards?",
    "forbidden",
)
IN_FORCE = words(
    "apply",
    "applies",
    "hold",
    "holds",
    "count",
    "same",
    "equally",
    "kept",
    "every",
    "any",
    "drop",
    "either",
    "whichever",
    "regardless",
)
OBEYED_THERE = words(
    r"instructions?", r"orders?", r"commands?", "obey", "follow", "act", r"execut\w+", "suspicious", "opaque", "data", "hidden", "what they", "in order to",
    "an attack", "requests?",
)  # fmt: skip
USE = words(
    "use",
    "call",
    "query",
    "request",
    "take",
    "give",
    "grant",
    "ask for",
    "changes?",
    "look up",
    "read",
    "allowed",
    "invoke",
    "hold",
)
