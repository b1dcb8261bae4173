"""What prompt injections say in English, and the phrases of all languages in groups: expressions over folded text."""

from acs_sidecar.detectors.folding import fold, folded_pattern
from acs_sidecar.detectors.injection.languages import FIRM, IN_LATIN, IN_OTHER_SCRIPTS, Phrase
from acs_sidecar.detectors.injection.languages import some_words as _w
from acs_sidecar.detectors.rules import DetectorRule

__all__ = ["OTHER_SCRIPTS", "PHRASES"]

_IGNORE = (
    r"(?:ignor(?:e|es|ing)|disregard(?:ing)?|forget|overrid(?:e|es|ing)|bypass(?:ing)?|neglect|overlook|discard|dismiss|abandon"
    r"|set aside|throw (?:out|away)|pay no (?:attention|heed) to|(?:do not|don t|dont|never|stop|cease) (?:follow|following|obey|obeying"
    r"|listen to|listening to|adhere to|comply with|respect)|erase|wipe|nullify|supersedes?|violate)"
)
_EARLIER = (
    r"(?:previous|previously|prior|above|security|preceding|earlier|former|past|foregoing|initial|original|existing|old|system|developer|admin"
    r"|safety|hidden|core|default|pre existing|built in|other|ethical|moral)"
)
_RULES_EN = (
    r"(?:instructions?|rules?|guidelines?|guidance|prompts?|directives?|directions|commands?|orders|constraints?|restrictions?"
    r"|polic(?:y|ies)|programming|training|safeguards?|guardrails?|limitations?|filters?|protocols?|teachings|alignment)"
)
_RULES_OWN = r"(?:instructions|rules|guidelines|prompt|prompts|directives|programming|restrictions|safeguards|guardrails|limitations|alignment)"
_TELL = (
    r"(?:reveal|show(?: me)?|print|repeat|output|display|tell (?:me|us)|give (?:me|us)|share|expose|leak|dump|write(?: out)?|list"
    r"|disclose|recite|echo|return|summari[sz]e|translate|encode|copy|paste|quote|spell out|provide|send(?: me)?|what (?:is|are|were|was)|whats|what s)"
)
_TELL_ALL = r"(?:reveal|print|repeat|output|expose|leak|dump|disclose|recite|echo|paste|quote|regurgitate)"
_LAWLESS = (
    r"(?:without|with no|with zero|no longer|not bound|ignores?|unrestricted|unfiltered|uncensored|jailbroken|evil|amoral|immoral|unethical|root"
    r"|unlimited|lawless|free from|free of)"
)
_PRIVATE = (
    r"(?:conversation|chat history|chat log|system prompt|api keys?|credentials?|passwords?|secrets?|environment variables|env vars"
    r"|env file|access tokens?|private keys?|ssh keys?|session cookies?|cookies|user data|customer data|contacts|inbox)"
)
_AI = r"(?:ai|a i|llm|llms|chatbot|assistant|language model|ai agent|ai model|ai assistant|ai system|gpt|chatgpt|claude|copilot|gemini)"


_ED25519, _BASE64 = fold("ed25519").text, fold("base64").text


_OVERRIDING = (
    ("instruction_override", 0.9, rf"\b{_IGNORE} +{_w(5)}{_EARLIER} +{_w(3)}{_RULES_EN}\b"),
    ("instruction_override", 0.75, rf"\b{_IGNORE} +{_w(3)}(?:your|ur|these|those|its) +{_w(3)}{_RULES_OWN}\b"),
    ("instruction_override", 0.5, rf"\b{_IGNORE} +(?:of +)?(?:all|any|every) +{_w(3)}(?:instructions|guidelines|directives|safeguards|guardrails|restrictions)\b"),
    ("instruction_override", 0.8, rf"\b{_IGNORE} +(?:all +|everything +|the +|anything +|whatever +|of +|that +|what +){{0,3}}(?:is +|was +|comes? +|came +|written +|said +)?(?:above|before|previous|preceding|prior)(?: +(?:texts?|content|context|conversation|lines?|inputs?|statements?|paragraphs?|sections?|messages?|tasks?|chat|words|stuff|information|output))? +(?:and|then|instead|but|just)\b"),
    ("instruction_override", 0.8, rf"\b{_IGNORE} +(?:everything|anything|all|whatever|what) +(?:that +)?(?:you|i|we|they|was|were|has|have|had) +{_w(2)}(?:told|said|know|knew|learned|learnt|instructed|taught|given|trained|been|before|written)\b"),
    ("instruction_override", 0.8, rf"\b{_IGNORE} +(?:everything|anything|all|whatever|what) +{_w(2)}(?:developers?|creators?|makers?|company|owners?|admins?|operators?|team|provider) +{_w(2)}(?:told|said|configured|set|taught|wrote|written|instructed|programmed|gave|given)\b"),
    ("instruction_override", 0.8, rf"\b{_IGNORE} +{_w(3)}{_RULES_OWN} +(?:that +)?you +(?:were|are|have|had|got|received|follow|operate)\b"),
    ("instruction_override", 0.7, r"\bi +g +n +o +r +e +(?:a +l +l +|all +)?(?:t +h +e +|the +)?(?:p +r +e +v +i +o +u +s|p +r +i +o +r|a +b +o +v +e|y +o +u +r|previous|prior|above|your)\b"),
    ("instruction_override", 0.75, rf"\b{_IGNORE} +{_w(3)}(?:system|developer) +(?:message|prompt)s?\b"),
)  # fmt: skip
_REVOKED = (
    ("instruction_override", 0.7, rf"\b(?:previous|prior|earlier|old|former|above|original|initial) +(?:{_RULES_OWN}|instructions?|commands|orders) +{_w(3)}(?:revoked|void|overridden|superseded|nullified|suspended|rescinded|cancell?ed|invalid)\b"),
)  # fmt: skip
_ASKING = (
    ("prompt_extraction", 0.8, rf"\b{_TELL} +{_w(4)}(?:your|the|ur|its|this) +{_w(2)}(?:system prompt|system message|system instructions?|initial prompt|initial instructions|original instructions|original prompt|hidden prompt|hidden instructions|secret instructions|secret prompt|developer message|developer instructions|pre ?prompt|base prompt|meta ?prompt|internal instructions|internal prompt|confidential instructions|internal guidelines|hidden rules|internal rules)\b"),
    ("prompt_extraction", 0.7, rf"\b{_TELL_ALL} +{_w(4)}(?:your|ur) +{_w(2)}(?:instructions|prompt|prompts|programming|directives|configuration|guidelines|rules|context window|setup)\b"),
    ("prompt_extraction", 0.6, r"\b(?:what|which|show me|tell me|give me) +(?:[^ ]+ +){0,3}your +(?:exact +|full +|complete +|entire +)?(?:prompt|instructions) +(?:say|says|is|are|verbatim|word|exactly|in full)\b|\bwhat +(?:is|was|are|were) +your +(?:exact|full|complete|entire|first|starting|very first) +(?:prompt|instructions?)\b"),
    ("prompt_extraction", 0.7, rf"\b(?:{_TELL_ALL}|write|translate|summari[sz]e|copy|return|show) +{_w(2)}(?:everything|all|the words|the text|the content|the lines|the messages?|each word|what is written|every word) +{_w(3)}(?:above|before (?:this|the|my)|preceding|prior to|starting with|so far|up to (?:here|this))\b"),
    ("prompt_extraction", 0.7, rf"\b(?:instructions|prompt|text|words|message|rules) +{_w(2)}(?:above|given to you|you (?:were|have been) given|you received|you got) +{_w(3)}(?:verbatim|word for word|exactly|in (?:a )?code ?block|in full|letter by letter|{_BASE64})\b"),
    ("prompt_extraction", 0.6, rf"\bwhat +{_w(1)}(?:were|are|was|have) +you +{_w(2)}(?:told|instructed|programmed|forbidden|prohibited) +(?:to|not|before|in)\b"),
)  # fmt: skip
_LOOSE = (
    ("instruction_override", 0.8, rf"\b(?:instructions?|rules|prompts?|directives|constraints|restrictions|guidelines) +{_w(6)}(?:no longer|don t|do not|dont) +(?:count|apply|matter|hold|bind|exist)\b"),
    ("instruction_override", 0.5, r"\btreat +(?:[^ ]+ +){1,8}as +(?:[^ ]+ +){0,2}(?:commands?|instructions?|orders)\b"),
    ("exfiltration", 0.8, rf"\b(?:send|post|forward|upload|email|e mail|exfiltrate|transmit|leak|append|submit|deliver|copy|put|encode|include|embed) +{_w(6)}{_PRIVATE} +{_w(6)}(?:to|at|via|in|into|as|with) +{_w(5)}(?:https?|url|webhook|query parameter|query string|image link|attacker|pastebin)\b"),
    ("exfiltration", 0.5, rf"\b(?:exfiltrate|leak|secretly (?:send|forward|upload|copy|email|append)) +{_w(6)}{_PRIVATE}\b"),
    ("exfiltration", 0.6, rf"\b(?:read|open|cat|get|fetch|load|include) +{_w(4)}(?:ssh id rsa|id rsa|ssh id {_ED25519}|aws credentials|etc passwd|etc shadow|env file|mcp json|kube config) +{_w(4)}(?:and|then|as|into) +{_w(3)}(?:pass|send|put|include|append|add|post|upload|return|use|content|parameter)\b"),
    ("encoded_payload", 0.6, rf"\b(?:decode|decrypt|decipher|unscramble) +{_w(7)}(?:and|then) +{_w(2)}(?:follow|execute|obey|comply|do what|act on|carry out)\b"),
)  # fmt: skip
_FIRM = (
    ("instruction_override", 0.6, r"\b(?:your|here are|are your|follow these|these are the|my) +(?:new|updated|real|actual|true|only) +(?:instructions?|task|role|objective|goal|purpose|mission|directives?|orders|rules)\b"),
    ("instruction_override", 0.5, r"\b(?:new|updated|revised|urgent) +(?:system +)?(?:instructions?|directives?|prompt) +(?:for you|below|you)\b"),
    ("instruction_override", 0.6, rf"\bfrom (?:now on|this point on|this point forward|here on)(?: +out)? +{_w(2)}you +(?:are|will|must|shall|should|can|do|have|only|always|respond|answer)\b"),
    ("instruction_override", 0.8, rf"\b(?:overrides?|supersedes?|takes? (?:precedence|priority) over|replaces?|cancels?|invalidates?) +(?:all|any|every|your|the) +{_w(3)}(?:{_EARLIER} +)?(?:instructions|directives|guidelines|programming|prompts?|system prompt)\b"),
    ("instruction_override", 0.8, rf"\b{_EARLIER} +{_w(1)}(?:instructions?|rules|prompts?|directives) +{_w(2)}(?:are|is|were|was) +{_w(2)}(?:void|cancelled|canceled|obsolete|invalid|outdated|revoked|no longer|deprecated|a test|wrong|suspended|lifted|null)\b"),
    ("instruction_override", 0.8, rf"\b(?:instructions?|rules|prompts?|directives|text|everything|message) +(?:above|before this|so far) +{_w(3)}(?:void|cancelled|canceled|obsolete|invalid|revoked|suspended|lifted|should be (?:ignored|disregarded)|must be (?:ignored|disregarded))\b"),
    ("instruction_override", 0.6, r"\b(?:end of|end) (?:user input|the document|system prompt|prompt|context|untrusted data|data|instructions) +(?:begin|new|start|system|now)\b"),
    ("instruction_override", 0.7, r"\bignore *all *previous|\bignorepreviousinstructions|\bignoreallpriorinstructions"),
    ("instruction_override", 0.6, r"\b(?:constraints|restrictions|filters|safeguards|guidelines) +(?:are |have been |were )?(?:lifted|removed|suspended|disabled|turned off)\b"),
    ("instruction_override", 0.8, r"\bbeachtet? +(?:die |alle )?(?:obigen?|vorherigen?|bisherigen?) +(?:anweisung(?:en)?|regeln?|vorgaben?) +nicht\b|\b(?:bisherigen?|alten|vorherigen?|obigen?) +(?:anweisungen|regeln|vorgaben) +(?:[^ ]+ +){0,3}(?:nicht mehr|ungultig|aufgehoben)\b"),
    ("instruction_override", 0.7, r"\bne +(?:respecte[zr]?|suis|suivez|tiens|tenez) +(?:plus|pas) +(?:[^ ]+ +){0,3}(?:consignes?|regles?|instructions?)\b|\bnon hai (?:piu )?(?:regole|limiti|restrizioni|vincoli)\b|\b(?:alsof er|er zijn|je hebt) +(?:[^ ]+ +){0,2}geen +(?:regels|beperkingen|grenzen)\b|\bno tienes (?:reglas|limites|restricciones)\b|\bno hagas caso\b[^#]{0,40}\b(?:reglas|instrucciones)\b"),
    ("role_change", 0.8, rf"\byou +are +(?:now|no longer|actually|really|hereby) +{_w(4)}(?:dan|jailbroken|unrestricted|unfiltered|uncensored|evil|free (?:from|of)|unbound|in (?:developer|debug|god|dan|jailbreak|maintenance|admin|root|sudo) mode|bound|root|superuser|without)\b"),
    ("role_change", 0.6, rf"\byou +are +(?:now|no longer) +(?:a |an |the |my )?{_w(3)}(?:ai|assistant|bot|chatbot|model|hacker|terminal|shell|interpreter|persona|character|pirate|system administrator|agent)\b"),
    ("role_change", 0.8, rf"\b(?:act|behave|respond|answer|pretend|role ?play|operate|function|speak|continue) +(?:as|like|to be|that you are|you are) +{_w(6)}{_LAWLESS}\b"),
    ("role_change", 0.7, rf"\b(?:simulate|impersonate|emulate|become) +(?:a|an|the) +{_w(3)}(?:unrestricted|unfiltered|uncensored|jailbroken|evil|amoral|{_LAWLESS})\b"),
    ("role_change", 0.7, rf"\b(?:you|that) +(?:have|has|had|are under|face) +(?:no|zero) +{_w(2)}(?:restrictions|limitations|rules|filters|guidelines|ethics|morals|boundaries|constraints|content policy|ethical)\b"),
    ("role_change", 0.8, r"\bdo +anything +now\b|\b(?:dan|god|jailbreak|jailbroken|sudo|unrestricted|evil|chaos) +mode\b"),
    ("role_change", 0.5, r"\b(?:you are|you re|are you|now) +in +(?:developer|debug|admin|maintenance|test|root) +mode\b|\b(?:developer|debug|admin|maintenance) +mode +(?:is +)?(?:enabled|activated|engaged|unlocked)\b"),
    ("role_change", 0.7, r"\bno longer +(?:bound|restricted|limited|constrained|governed|subject) +(?:by|to)\b"),
    ("role_change", 0.6, rf"\b(?:as|i am|i m|this is) +(?:the|your|an?) +{_w(1)}(?:developers?|creators?|administrator|admin|openai|anthropic|system administrator|root user|engineer) +{_w(5)}(?:authori[sz]e|command|order|instruct|override|need you|grant|unlock|permission)\b"),
    ("role_change", 0.7, r"\b(?:stay|remain|keep) in (?:character|this mode|dan)\b|\bbreak (?:out )?of character\b|\bjailbreak (?:yourself|you|prompt|successful)\b"),
    ("prompt_extraction", 0.6, r"\b(?:starting|beginning|begins|starts) +(?:with|from) +(?:the +)?(?:words? +|phrase +)?you +are\b"),
    ("concealment", 0.6, rf"\b(?:do not|don t|dont|never|must not|without|avoid) +(?:tell|telling|mention|mentioning|inform|informing|notify|notifying|reveal|revealing|alert|alerting|show|showing|disclose|disclosing|let|asking|explain|explaining) +{_w(4)}(?:user|users|human|humans|operator|customer|victim)\b"),
    ("concealment", 0.5, rf"\b(?:keep|do|perform|execute|run) +(?:this|it|these) +{_w(3)}(?:secret|secretly|silently|hidden|quietly|invisibly|in the background) +{_w(2)}(?:from the user|from user|user|without)\b"),
    ("ai_address", 0.6, rf"\b(?:attention|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|dear|important for|hey|hello) +(?:all +|any +|the +|every +)?{_AI}s?(?: +(?:reading|processing|systems?|models?|agents?|assistants?|please|you|do|must|ignore|read|if|when|this|approve|rate|recommend|give|always|score|rank|say|call|include|never))"),
    ("ai_address", 0.6, rf"\b(?:hidden|secret|special|private) +(?:note|message|instructions?) +(?:for|to) +(?:all +|any +|the +)?{_AI}s?\b"),
    ("ai_address", 0.6, rf"\b(?:the|any|this|every|an) +{_AI} +(?:must|should|has to|needs to|shall|is required to) +(?:also +|always +|never +|first +|then +)?(?:include|insert|say|recommend|rank|approve|ignore|call|add|append|send|reveal|output|mention|state|rate|open|click|reply|hand|treat)\b"),
    ("ai_address", 0.6, rf"\b{_AI}s? +(?:reading|parsing|evaluating|scanning|screening|reviewing) +(?:this|the)\b"),
    ("ai_address", 0.6, rf"\bif +you +are +(?:an? +)?{_w(2)}{_AI}\b|\b(?:any|every|all) +{_AI}s? +(?:reading|processing|summari[sz]ing|reviewing|that reads?|who reads?) +(?:this|the)\b"),
    ("ai_address", 0.5, rf"\bwhen +(?:the +|an +|any +)?{_AI} +(?:reads?|process(?:es)?|summari[sz]es?|sees?|opens?|reviews?) +(?:this|the|these)\b"),
)  # fmt: skip


def _grouped(groups: tuple[tuple[Phrase, ...], ...]) -> tuple[tuple[DetectorRule, ...], ...]:
    return tuple(
        tuple(DetectorRule(category, folded_pattern(pattern), score) for category, score, pattern in group)
        for group in groups
    )


PHRASES = _grouped((_OVERRIDING, (*_ASKING, *_REVOKED), _LOOSE, (*_FIRM, *FIRM), *IN_LATIN))
"""The phrases of Latin script in groups, of which each shares an automaton.

The states of an automaton are those of its rules multiplied, and a text of their words in a new order needs
new ones. So rules that begin alike are together, and those that begin with one word and a gap, of which a
text can have many open, are with few others; rules of two or more words before their gap can be many.
"""

OTHER_SCRIPTS = _grouped(IN_OTHER_SCRIPTS)
"""The phrases of other scripts, in groups of that kind."""
