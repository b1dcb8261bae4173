"""What prompt injections say, in ten languages and a few more: expressions over folded text (see `folding`).

In folded text a word is anything between spaces; `{w}` below is up to so many words in between.
"""

from typing import TypeAlias

from acs_sidecar.detectors.folding import fold, folded_pattern
from acs_sidecar.detectors.rules import DetectorRule

__all__ = ["PHRASES", "REMINDERS"]

_Phrase: TypeAlias = tuple[str, float, str]
"""Category, score and expression."""

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


def _w(count: int) -> str:
    return rf"(?:[^ ]+ +){{0,{count}}}"


_OVERRIDING = (
    ("instruction_override", 0.9, rf"\b{_IGNORE} +{_w(5)}{_EARLIER} +{_w(3)}{_RULES_EN}\b"),
    ("instruction_override", 0.75, rf"\b{_IGNORE} +{_w(3)}(?:your|ur|these|those|its) +{_w(3)}{_RULES_OWN}\b"),
    ("instruction_override", 0.5, rf"\b{_IGNORE} +(?:of +)?(?:all|any|every) +{_w(3)}(?:instructions|guidelines|directives|safeguards|guardrails|restrictions)\b"),
    ("instruction_override", 0.8, rf"\b{_IGNORE} +(?:all +|everything +|the +|anything +|whatever +|of +|that +|what +){{0,3}}(?:is +|was +|comes? +|came +|written +|said +)?(?:above|before|previous|preceding|prior)(?: +[^ ]+)? +(?:and|then|instead|but|just)\b"),
    ("instruction_override", 0.8, rf"\b{_IGNORE} +(?:everything|anything|all|whatever|what) +(?:that +)?(?:you|i|we|they|was|were|has|have|had) +{_w(2)}(?:told|said|know|knew|learned|learnt|instructed|taught|given|trained|been|before|written)\b"),
    ("instruction_override", 0.7, r"\bi +g +n +o +r +e +(?:a +l +l +|all +)?(?:t +h +e +|the +)?(?:p +r +e +v +i +o +u +s|p +r +i +o +r|a +b +o +v +e|y +o +u +r|previous|prior|above|your)\b"),
    ("instruction_override", 0.75, rf"\b{_IGNORE} +{_w(3)}(?:system|developer) +(?:message|prompt)s?\b"),
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

# language: (ignore, earlier, rules), in the orders in which the language says it
_OVERRIDES = {
    "de": (
        r"(?:ignorier(?:e|en|t)?|vergiss|vergessen|vergesst|missachte[nt]?|mißachte[nt]?|uberspringe?|umgehe?|uberschreibe?|verwirf|lass(?:e)?|beachte nicht|befolge nicht|hor auf)",
        r"(?:vorherig(?:e[nrs]?)?|vorige[nrs]?|vorangegangene[nrs]?|bisherige[nrs]?|obige[nrs]?|obenstehende[nrs]?|fruhere[nrs]?|ursprungliche[nrs]?|alle|samtliche|deine|ihre|eure|zuvor)",
        r"(?:anweisung(?:en)?|instruktion(?:en)?|regeln?|vorgaben?|befehle?|richtlinien?|anleitung(?:en)?|prompts?|systemprompt|beschrankungen|einschrankungen|sicherheitsregeln)",
        "VQN QNV",
    ),
    "fr": (
        r"(?:ignor(?:e|ez|er|ons)|oubli(?:e|ez|er)|neglige(?:z|r)?|contourne(?:z|r)?|ne (?:suis|suivez|respecte|respectez|tiens|tenez) (?:plus|pas)(?: compte)?|fais abstraction|faites abstraction|outrepasse(?:z|r)?)",
        r"(?:precedent(?:e|es|s)?|anterieure?s?|ci dessus|initiale?s?|toutes?|tous|tes|vos|originale?s?|d avant|recues|donnees)",
        r"(?:instructions?|consignes?|regles?|directives?|ordres?|commandes?|prompts?|restrictions?|limites?)",
        "VQN VNQ",
    ),
    "es": (
        r"(?:ignor(?:a|e|en|ar|es|ad)|olvid(?:a|e|en|ar|es|ate)|omit(?:e|a|ir)|descart(?:a|e|ar)|desobedec(?:e|er)|no (?:sigas|siga|obedezcas|respetes)|pasa por alto|salta(?:te)?|anula|haz caso omiso)",
        r"(?:anterior(?:es)?|previas?|previos?|de arriba|arriba|iniciales|originales|tod[ao]s|tus|sus|precedentes)",
        r"(?:instruccion(?:es)?|reglas?|indicacion(?:es)?|ordenes|directrices|directivas|comandos|normas|restricciones|prompts?|limitaciones)",
        "VQN VNQ",
    ),
    "it": (
        r"(?:ignor(?:a|ate|are|i)|dimentic(?:a|ate|are|hi)|trascura(?:re)?|scarta(?:re)?|non (?:seguire|rispettare|considerare|obbedire)|aggira|annulla|tralascia)",
        r"(?:precedent[ei]|di prima|sopra|iniziali|originali|tutte|tutti|tue|tuoi|anterior[ei]|ricevute|date)",
        r"(?:istruzion[ei]|regol[ae]|indicazion[ei]|ordini|direttive|comandi|prompt|restrizioni|limitazioni|vincoli|linee guida)",
        "VQN VNQ",
    ),
    "pt": (
        r"(?:ignor(?:e|a|em|ar)|esque[cs](?:a|e|am|er)|desconsider(?:e|a|ar)|desobede[cs](?:a|er)|descart(?:e|a|ar)|nao (?:siga|obedeca|respeite)|burle|anule|deixe de lado)",
        r"(?:anterior(?:es)?|previas?|previos?|acima|iniciais|originais|tod[ao]s|suas|seus|tuas|precedentes)",
        r"(?:instruco(?:es)?|instrucao|regras?|diretrizes|ordens|comandos|orientacoes|restricoes|prompts?|limitacoes|normas)",
        "VQN VNQ",
    ),
    "nl": (
        r"(?:negeer|negeren|negeert|vergeet|vergeten|omzeil|sla over|verwerp|volg niet|luister niet|overschrijf|laat)",
        r"(?:vorige|voorgaande|eerdere|bovenstaande|voorafgaande|oorspronkelijke|alle|al je|jouw|je|uw|eerder)",
        r"(?:instructies?|regels?|opdrachten|opdracht|aanwijzing(?:en)?|richtlijnen?|bevelen|prompts?|voorschriften|beperkingen)",
        "VQN QNV",
    ),
    "ru": (
        r"(?:игнорируй(?:те)?|проигнорируй(?:те)?|игнорировать|забудь(?:те)?|забыть|отбрось(?:те)?|отмени(?:те)?|не (?:следуй(?:те)?|обращай(?:те)? внимания|слушай(?:те)?|соблюдай(?:те)?)|обойди(?:те)?|пренебреги(?:те)?|нарушь(?:те)?)",
        r"(?:предыдущ(?:ие|их|ую|ее|ий|ими)|прежн(?:ие|их)|прошл(?:ые|ых)|вышеуказанн(?:ые|ых)|выше|все|всех|свои|твои|ваши|своих|изначальн(?:ые|ых)|ранее|данные)",
        r"(?:инструкци(?:и|й|ю|ями|ях)|указани(?:я|й|е|ями)|правил(?:а|о)?|команд(?:ы|у)?|директив(?:ы)?|приказ(?:ы|ов)|ограничени(?:я|й)|промпт(?:ы|а)?|установки)",
        "VQN VNQ QNV",
    ),
    "pl": (
        r"(?:zignoruj(?:cie)?|ignoruj(?:cie)?|zapomnij(?:cie)?|pomin(?:cie)?|nie (?:przestrzegaj|stosuj sie do))",
        r"(?:poprzedni(?:e|ch)|wczesniejsz(?:e|ych)|powyzsz(?:e|ych)|wszystkie|wszystkich|swoje|twoje)",
        r"(?:instrukcj(?:e|i|ach)|polecen(?:ia|)|polecenia|zasad(?:y)?|regul(?:y)?|wytyczn(?:e|ych)|prompt(?:y)?)",
        "VQN VNQ",
    ),
    "tr": (
        r"(?:yok say|gormezden gel|goz ardi et|unut|dikkate alma)[^ ]*",
        r"(?:onceki|yukaridaki|tum|butun|daha onceki)",
        r"(?:talimat[^ ]*|kural[^ ]*|yonerge[^ ]*|komut[^ ]*|istem[^ ]*)",
        "QNV",
    ),
}  # fmt: skip

_EXTRACTIONS = {
    "de": (r"(?:zeig[^ ]*|nenn[^ ]*|gib|verrat[^ ]*|sag[^ ]*|schreib[^ ]*|wiederhol[^ ]*|druck[^ ]*|wie lautet|was ist|offenbar[^ ]*|teil[^ ]*)", r"(?:systemprompt|system prompt|systemanweisung(?:en)?|system anweisungen|systemnachricht|geheimen? anweisung(?:en)?|internen? anweisung(?:en)?|urspr[^ ]+ anweisung(?:en)?|versteckten? anweisung(?:en)?|initialen? prompts?)"),
    "fr": (r"(?:montre[^ ]*|affiche[^ ]*|revele[^ ]*|donne[^ ]*|dis|dites|repete[^ ]*|quel(?:le)?s? (?:est|sont)|ecris|imprime[^ ]*|divulgue[^ ]*|communique[^ ]*)", r"(?:prompt systeme|message systeme|invite systeme|instructions? systeme|instructions? initiales?|instructions? (?:secretes?|cachees?|internes?)|prompt initial|consignes? (?:secretes?|internes?|initiales?|cachees?))"),
    "es": (r"(?:muestra[^ ]*|muestrame|revela[^ ]*|dime|di|imprime|repite|cual (?:es|son)|escribe|dame|ensename|comparte|divulga|copia)", r"(?:prompt de(?:l)? sistema|prompt del sistema|mensaje de(?:l)? sistema|instrucciones de(?:l)? sistema|instrucciones (?:iniciales|secretas|ocultas|internas|originales)|prompt (?:inicial|oculto|original|interno))"),
    "it": (r"(?:mostra[^ ]*|rivela[^ ]*|dimmi|stampa|ripeti|qual e|quali sono|scrivi|dammi|divulga|elenca|condividi)", r"(?:prompt di sistema|messaggio di sistema|istruzioni di sistema|istruzioni (?:iniziali|segrete|nascoste|interne|originali)|prompt (?:iniziale|nascosto|originale))"),
    "pt": (r"(?:mostre|mostra|revele|revela|diga|me diga|imprima|repita|qual e|quais sao|escreva|exiba|compartilhe|liste|forneca)", r"(?:prompt do sistema|prompt de sistema|mensagem do sistema|instrucoes (?:do sistema|iniciais|secretas|ocultas|internas|originais)|prompt (?:inicial|oculto|original))"),
    "nl": (r"(?:toon|laat|geef|onthul|vertel|zeg|print|herhaal|wat is|wat zijn|schrijf|deel)", r"(?:systeemprompt|systeem prompt|systeembericht|systeeminstructies|systeem instructies|(?:geheime|verborgen|interne|oorspronkelijke|initiele) instructies)"),
    "ru": (r"(?:покажи[^ ]*|выведи[^ ]*|раскрой[^ ]*|скажи[^ ]*|повтори[^ ]*|напиши[^ ]*|какой|каков[^ ]*|назови[^ ]*|сообщи[^ ]*|дай[^ ]*|перечисли[^ ]*)", r"(?:системн[^ ]+ (?:промпт[^ ]*|инструкци[^ ]*|сообщени[^ ]*|запрос[^ ]*|подсказк[^ ]*)|(?:скрыт|секретн|внутренн|изначальн|начальн|исходн)[^ ]+ (?:инструкци[^ ]*|промпт[^ ]*|указани[^ ]*))"),
    "pl": (r"(?:pokaz|ujawnij|wypisz|powtorz|podaj|jaki jest|wyswietl)", r"(?:prompt systemowy|instrukcje systemowe|ukryte instrukcje|poczatkowe instrukcje|monit systemowy)"),
}  # fmt: skip

_ROLES = (
    r"\bdu bist (?:jetzt|nun|ab sofort) +(?:[^ ]+ +){0,5}(?:ohne|dan|frei von|hacker|uneingeschrankte?[rns]?|nicht mehr|boser?|piraten?|ki|assistent)\b",
    r"\btu es (?:maintenant|desormais) +(?:[^ ]+ +){0,5}(?:sans|dan|libre|pirate|hacker|ia|assistant|non censure)\b|\bvous etes (?:maintenant|desormais) +(?:[^ ]+ +){0,5}(?:sans|dan|libre|ia|hacker)\b",
    r"\b(?:ahora eres|a partir de ahora eres|eres ahora|actua como|finge (?:ser|que eres)) +(?:[^ ]+ +){0,5}(?:sin|dan|libre|pirata|hacker|malvad[oa]|ia)\b",
    r"\b(?:ora sei|adesso sei|da ora in poi sei|d ora in poi sei|fingi di essere|comportati come) +(?:[^ ]+ +){0,5}(?:senza|dan|libero|pirata|hacker|malvagi[oa]|ia)\b",
    r"\b(?:agora voce e|voce agora e|a partir de agora voce e|finja (?:ser|que e)|aja como) +(?:[^ ]+ +){0,5}(?:sem|dan|livre|pirata|hacker|ia|malign[oa])\b",
    r"\b(?:je bent (?:nu|vanaf nu)|vanaf nu ben je|doe alsof je) +(?:[^ ]+ +){0,5}(?:zonder|dan|vrij|hacker|ai|geen|kwaadaardige)\b",
    r"\b(?:ohne|sans|sin|senza|sem|zonder) +(?:[^ ]+ +){0,3}(?:einschrankungen|beschrankungen|restrictions?|restricciones|restrizioni|restricoes|beperkingen|filtres?|filtros?|filtri|filter)\b",
)  # fmt: skip

_CHINESE_JAPANESE = (
    ("instruction_override", 0.8, r"(?:忽略|无视|忘记|忘掉|不要理会|不用理会|不要遵守|不要遵循|抛弃|跳过|忽視|無視|忘記|不再遵守|停止遵守|绕过|覆盖).{0,12}(?:之前|以前|先前|上面|以上|前面|所有|全部|原有|上述|你的|此前|一切|系统|任何).{0,12}(?:指令|指示|命令|提示|规则|規則|说明|要求|设定|设置|约束|限制|內容|内容)"),
    ("instruction_override", 0.8, r"(?:把|将|對|对)?(?:之前|以前|先前|上面|以上|前面|所有|上述).{0,8}(?:指令|指示|命令|提示|规则|規則|设定).{0,8}(?:忽略|无视|忘记|忘掉|忘記|忽視|作废|删除|无效|抛弃)"),
    ("instruction_override", 0.8, r"(?:前の|以前の|上記の|これまでの|今までの|先ほどの|すべての|全ての|元の|いままでの|上の|最初の).{0,12}(?:指示|命令|フロンフト|ルール|規則|制約|設定|指令|内容).{0,8}(?:無視|忘れ|破棄|従わな|取り消|無効|捨て)"),
    ("prompt_extraction", 0.8, r"(?:显示|告诉我|输出|打印|重复|泄露|透露|给我看|说出|公开|顯示|告訴我|輸出|复述|提供|列出|你的).{0,10}(?:系统提示|系统指令|提示词|初始指令|系统消息|内部指令|系統提示|系統指令|原始指令|隐藏指令)"),
    ("prompt_extraction", 0.8, r"(?:システムフロンフト|初期指示|内部指示|システムメッセーシ|最初の指示|隠された指示|システム指示).{0,10}(?:表示|教え|見せ|出力|公開|開示|繰り返|書い|全文|何て)"),
)  # fmt: skip
_EAST_ASIAN = (
    ("role_change", 0.7, r"(?:你现在是|从现在起你是|从现在开始你是|你现在扮演|请扮演|假装你是|你將扮演|你現在是).{0,24}(?:没有|沒有|不受|无限制|無限制|越狱|黑客|dan|不再)|不受(?:任何)?(?:限制|约束|約束)的|(?:开发者|越狱|上帝)模式"),
    ("role_change", 0.7, r"(?:あなたは今から|今からあなたは|これからあなたは|あなたは今).{0,24}(?:制限のない|制限なし|ではなく|制約のない|ハッカー|dan|自由)|制限(?:なし|のない)(?:で|に|の)?(?:ai|モート|アシスタント)"),
    ("instruction_override", 0.8, r"(?:이전|앞선|위의|기존|모든).{0,10}(?:지시|명령|프롬프트|규칙|지침).{0,8}(?:무시|잊|따르지)"),
    ("prompt_extraction", 0.8, r"(?:시스템 ?프롬프트|초기 ?지시|내부 ?지침).{0,10}(?:보여|알려|출력|공개|말해)"),
    ("concealment", 0.8, r"(?:不要|别|請勿|请勿).{0,4}(?:告诉|告知|通知|提醒|告訴).{0,4}(?:用户|使用者|任何人|用戶)|ユーサーに(?:は)?.{0,6}(?:伝えない|知らせない|言わない|教えない|見せない)"),
)  # fmt: skip

_RUSSIAN = (
    ("role_change", 0.7, r"(?:теперь ты|ты теперь|отныне ты|представь что ты|притворись что ты|веди себя как) +(?:[^ ]+ +){0,5}(?:без|dan|свобод[^ ]*|хакер[^ ]*|не ограничен[^ ]*|злой|нет)"),
    ("concealment", 0.6, r"не +(?:говори[^ ]*|сообщай[^ ]*|рассказывай[^ ]*|упоминай[^ ]*|показывай[^ ]*) +(?:[^ ]+ +){0,4}пользовател[^ ]*"),
)  # fmt: skip

_CONCEALED = (
    r"\b(?:sag|sage|sagen sie|erzahl[^ ]*|verrat[^ ]*|informier[^ ]*) +(?:es +|das +|davon +)?(?:dem|den|der) +(?:nutzer[^ ]*|benutzer[^ ]*|anwender[^ ]*|kunden) +(?:[^ ]+ +){0,3}(?:nicht|nichts)\b",
    r"\bne +(?:le |la |les |l )?(?:dis|dites|mentionne[^ ]*|informe[^ ]*|revele[^ ]*|previens|parle[^ ]*) +(?:rien|pas) +(?:[^ ]+ +){0,4}(?:utilisateur|utilisatrice|client)\b",
    r"\bno +(?:se lo |le |lo )?(?:digas|menciones|informes|reveles|avises|cuentes) +(?:[^ ]+ +){0,4}(?:usuario|cliente)\b",
    r"\bnon +(?:lo |gli |dirlo |dire |informare |menzionare |rivelare |avvisare )(?:[^ ]+ +){0,4}(?:utente|cliente)\b",
    r"\bnao +(?:conte|diga|mencione|informe|revele|avise) +(?:[^ ]+ +){0,4}(?:usuario|cliente)\b",
    r"\b(?:vertel|zeg|meld) +(?:dit |het |dat )?(?:[^ ]+ +){0,2}(?:gebruiker|klant) +(?:niet|niets)\b|\b(?:vertel|zeg|meld) +(?:dit |het |dat )?niet +(?:[^ ]+ +){0,2}(?:gebruiker|klant)\b",
)  # fmt: skip


_REMINDERS = (
    r"\b(?:do not|don t|dont|never|not) +(?:ever +)?(?:forget|overlook|neglect)\b",
    r"\b(?:vergiss|vergessen sie|vergesst) +(?:bitte +)?nicht\b|\bnicht +(?:zu +)?vergessen\b",
    r"\bn (?:oublie|oubliez|oublions)(?: pas)?\b|\bne pas oublier\b",
    r"\bno +(?:olvides?|olviden|olvidar|omitas?)\b|\bnon +(?:dimenticare|dimenticate|dimentichi)\b",
    r"\bnao +(?:se )?(?:esqueca|esquecam|esquecer)\b|\b(?:vergeet|vergeten) +(?:vooral +)?niet\b|\bniet +(?:te +)?vergeten\b",
    r"не +(?:забудь(?:те)?|забывай(?:те)?|забыть)",
    r"(?:不要|别|請勿|请勿|勿)(?:忘记|忘掉|忘記|跳过)|忘れ(?:ない|す|ること|るの|なく)",
)  # fmt: skip


def _override(ignore: str, earlier: str, rules: str, orders: str) -> str:
    """Join the parts of a language's override in each of its orders."""
    parts = {"V": ignore, "Q": earlier, "N": rules}
    gaps = {"V": 4, "Q": 3, "N": 4}
    said = []
    for order in orders.split():
        first, second, third = tuple(order)
        said.append(rf"{parts[first]} +{_w(gaps[first])}{parts[second]} +{_w(gaps[second])}{parts[third]}")
    return rf"(?:^| )(?:{'|'.join(said)})(?: |$)"


def _said_in(*languages: str) -> tuple[_Phrase, ...]:
    """Return the overrides of some languages, and how they ask for the prompt."""
    overrides = [("instruction_override", 0.85, _override(*_OVERRIDES[each])) for each in languages]
    extractions = [_EXTRACTIONS[each] for each in languages if each in _EXTRACTIONS]
    return (
        *overrides,
        *(
            ("prompt_extraction", 0.75, rf"(?:^| ){tell} +{_w(6)}{prompt}(?: |$)")
            for tell, prompt in extractions
        ),
    )


_GROUPS: tuple[tuple[_Phrase, ...], ...] = (
    _OVERRIDING,
    _ASKING,
    _LOOSE,
    (
        *_FIRM,
        *(("role_change", 0.7, pattern) for pattern in _ROLES),
        *(("concealment", 0.6, pattern) for pattern in _CONCEALED),
    ),
    _said_in("de"),
    _said_in("fr", "it"),
    _said_in("es", "pt"),
    _said_in("nl", "pl", "tr"),
    (*_said_in("ru"), *_RUSSIAN),
    _CHINESE_JAPANESE,
    _EAST_ASIAN,
)

PHRASES = tuple(
    tuple(DetectorRule(category, folded_pattern(pattern), score) for category, score, pattern in group)
    for group in _GROUPS
)
"""The phrases in groups, of which each shares an automaton.

The states of an automaton are those of its rules multiplied, and a text of their words in a new order needs
new ones. So rules that begin alike are together, and those that begin with one word and a gap, of which a
text can have many open, are with few others; rules of two or more words before their gap can be many.
"""

REMINDERS = tuple(DetectorRule("reminder", folded_pattern(pattern)) for pattern in _REMINDERS)
"""Whoever says these wants nothing forgotten."""
