"""What prompt injections say in other languages than English: expressions over folded text (see `folding`).

In folded text a word is anything between spaces.
"""

from typing import TypeAlias

__all__ = ["FIRM", "IN_LATIN", "IN_OTHER_SCRIPTS", "Phrase", "some_words"]

Phrase: TypeAlias = tuple[str, float, str]
"""Category, score and expression."""


def some_words(count: int) -> str:
    """Return an expression for up to so many words, each with the space behind it."""
    return rf"(?:[^ ]+ +){{0,{count}}}"


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
        r"(?:instructions?|consignes?|regles?|directives?|ordres?|commandes|prompts?|restrictions?|limites?)",
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
    "vi": (
        r"(?:bỏ qua|quên(?: hết| đi)?|phớt lờ|lờ đi|không (?:tuân theo|làm theo|tuân thủ)|đừng (?:tuân theo|làm theo))",
        r"(?:trước(?: đó| đây)?|bên trên|ở trên|phía trên|tất cả|mọi|toàn bộ|ban đầu|hệ thống)",
        r"(?:hướng dẫn|chỉ dẫn|chỉ thị|mệnh lệnh|lệnh|quy tắc|quy định|yêu cầu|lời nhắc|câu lệnh|giới hạn)",
        "VQN VNQ",
    ),
    "id": (
        r"(?:abaikan|lupakan|kesampingkan|langgar|jangan (?:ikuti|patuhi|turuti|hiraukan)|tidak perlu (?:ikuti|mengikuti|patuhi))(?:lah)?",
        r"(?:sebelumnya|terdahulu|di atas|semua|seluruh|segala|awal|asli|sistem|tadi)",
        r"(?:instruksi|perintah|aturan|arahan|petunjuk|panduan|prompt|pedoman|batasan|peraturan|ketentuan)(?:mu|nya)?",
        "VQN VNQ",
    ),
    "cs": (
        r"(?:(?:z|od)?ignoruj(?:te)?|zapomeň(?:te)?(?: na)?|zabudni(?:te)?(?: na)?|pomiň(?:te)?|přehlédni|přeskoč(?:te)?|nedbej(?:te)?(?: na)?|neřiď se|neposlouchej|obejdi|zruš(?:te)?|poruš(?:te)?)",
        r"(?:předchozí(?:ch|mi)?|predchádzajúc[^ ]*|předešl[^ ]*|všechn[^ ]*|všetk[^ ]*|veškeré|výše|vyššie|uveden[^ ]*|původní(?:ch)?|pôvodn[^ ]*|dřívější(?:ch)?|své|svoje|tvé|systémov[^ ]*)",
        r"(?:pokyn[^ ]*|instrukc[^ ]*|inštrukc[^ ]*|pravid[^ ]*|příkaz[^ ]*|omezení|obmedzeni[^ ]*|směrnic[^ ]*|prompt[^ ]*|zadání)",
        "VQN VNQ",
    ),
    "hr": (  # and Serbian and Bosnian in Latin script, and Slovene
        r"(?:(?:za|pre)?ignorira?j(?:te)?|ignoriši(?:te)?|zanemari(?:te)?|zaboravi(?:te)?|pozabi(?:te)?|prezri(?:te)?|odbaci(?:te)?|preskoči(?:te)?|zaobiđi(?:te)?|ne (?:slušaj|slijedi|sledi|poštuj|upoštevaj)(?:te)?)",
        r"(?:prethodn[^ ]*|prejšnj[^ ]*|ranij[^ ]*|dosadašnj[^ ]*|sve|svih|vse|vsa|gornj[^ ]*|gore|zgornj[^ ]*|izvorn[^ ]*|početn[^ ]*|svoj[^ ]*|tvoj[^ ]*)",
        r"(?:uput[^ ]*|naput[^ ]*|navodil[^ ]*|instrukcij[^ ]*|pravil[^ ]*|naredb[^ ]*|ukaz[^ ]*|ograničenj[^ ]*|omejit[^ ]*|smjernic[^ ]*|smernic[^ ]*|prompt[^ ]*)",
        "VQN VNQ",
    ),
    "tl": (
        r"(?:huwag (?:mo(?:ng)? )?(?:pansinin|sundin|intindihin)|balewalain|kalimutan|ipagwalang bahala|isantabi|baliwalain)(?: mo)?",
        r"(?:nakaraang?|naunang?|dating|lahat|nasa itaas|orihinal na|unang)",
        r"(?:tagubilin|utos|panuntunan|alituntunin|instruksyon|patakaran|prompt)",
        "VQN VNQ",
    ),
    "sw": (
        r"(?:puuza|sahau|achana na|usifuate|usitii|kiuka)",
        r"(?:yote|zote|ya awali|za awali|yaliyotangulia|iliyopita|zilizopita|yaliyopita|ya juu|hapo juu|yako|zako)",
        r"(?:maagizo|maelekezo|sheria|kanuni|amri|miongozo|vikwazo)",
        "VQN VNQ",
    ),
    "sv": (  # and Norwegian and Danish
        r"(?:ignorera|ignorer|glöm(?: bort)?|glem|bortse från|se bort fra|strunta i|åsidosätt|tilsidesæt|hoppa över|hopp over|följ inte|følg ikke|lyd (?:inte|ikke))",
        r"(?:tidigare|föregående|forrige|tidligere|foregående|ovanstående|ovenstående|ovenfor|ovan|alla|alle|samtliga|dina|dine|ursprungliga|opprinnelige|oprindelige|förra)",
        r"(?:instruktion[^ ]*|instruks[^ ]*|anvisning[^ ]*|regler[^ ]*|riktlinje[^ ]*|retningslinje[^ ]*|kommando[^ ]*|order|ordrer?|direktiv[^ ]*|prompt[^ ]*|begränsning[^ ]*|begrensning[^ ]*|föreskrift[^ ]*)",
        "VQN VNQ",
    ),
    "fi": (
        r"(?:unohda|ohita|sivuuta|hylkää|jätä huomiotta|jätä huomioimatta|älä (?:noudata|välitä|tottele))",
        r"(?:aiemm[^ ]*|aiempi[^ ]*|edelli[^ ]*|aikaisem[^ ]*|kaikki|kaikkia|yllä|alkuperäi[^ ]*|saamasi|antamat)",
        r"(?:ohje[^ ]*|säännöt|sääntöjä|säännöistä|käsky[^ ]*|kehot[^ ]*|komen[^ ]*|määräy[^ ]*|rajoitu[^ ]*)",
        "VQN QNV",
    ),
    "ro": (
        r"(?:ignor(?:ă|ați|a|ati)|uită|uitați|nu (?:respecta|urma|asculta|lua în considerare|mai respecta)|omite|treci peste|anulează|încalcă)",
        r"(?:anterioare?|precedente?|de mai sus|inițiale|toate|orice|tale|de dinainte|primite|originale|sistemului)",
        r"(?:instrucțiuni(?:le)?|reguli(?:le)?|regulile|indicații(?:le)?|comenzi(?:le)?|directive(?:le)?|ordine(?:le)?|restricții(?:le)?|prompt[^ ]*)",
        "VQN VNQ",
    ),
    "hu": (
        r"(?:hagyd figyelmen kívül|hagyja figyelmen kívül|felejtsd el|felejtse el|ne (?:kövesd|tartsd be|törődj)|hagyd ki|mellőzd|ignoráld?)",
        r"(?:korábbi|előző|fenti|eddigi|összes|eredeti|minden)",
        r"(?:utasítás[^ ]*|szabály[^ ]*|parancs[^ ]*|irányelv[^ ]*|előírás[^ ]*|prompt[^ ]*|korlátozás[^ ]*)",
        "VQN QNV",
    ),
    "uk": (
        r"(?:(?:про)?ігнору(?:й|йте|вати)|забудь(?:те)?|не (?:звертай(?:те)? уваги|виконуй(?:те)?|дотримуй[^ ]*|слухай(?:те)?|зважай(?:те)?)|відкинь(?:те)?|скасуй(?:те)?|знехтуй(?:те)?|обійди|порушуй(?:те)?|порушь)",
        r"(?:попередн[^ ]*|усі|всі|усіх|всіх|вищенаведен[^ ]*|вище|свої|твої|початков[^ ]*|колишн[^ ]*|минул[^ ]*|системн[^ ]*)",
        r"(?:інструкці[^ ]*|вказів[^ ]*|правил[^ ]*|команд[^ ]*|директив[^ ]*|наказ[^ ]*|обмежен[^ ]*|промпт[^ ]*|настанов[^ ]*|розпорядженн[^ ]*)",
        "VQN VNQ QNV",
    ),
    "bg": (
        r"(?:игнорирай(?:те)?|забрави(?:те)?|пренебрегни(?:те)?|не (?:спазвай|следвай|изпълнявай|обръщай внимание)(?:те)?|отхвърли|заобиколи|наруши)",
        r"(?:предишн[^ ]*|предходн[^ ]*|всички(?:те)?|горн[^ ]*|горепосочен[^ ]*|досегашн[^ ]*|първоначалн[^ ]*|системн[^ ]*)",
        r"(?:инструкци[^ ]*|указани[^ ]*|правила[^ ]*|команди[^ ]*|директив[^ ]*|заповед[^ ]*|ограничени[^ ]*|насоки[^ ]*|промпт[^ ]*)",
        "VQN VNQ",
    ),
    "el": (
        r"(?:αγνόησ[^ ]*|αγνοεί[^ ]*|ξέχασ[^ ]*|ξεχάσ[^ ]*|ξέχνα|παράβλεψ[^ ]*|παρέκαμψ[^ ]*|παράκαμψ[^ ]*|παραβίασ[^ ]*|μην? (?:ακολουθ[^ ]*|τηρ[^ ]*|υπακού[^ ]*|λάβεις υπόψη))",
        r"(?:προηγούμεν[^ ]*|παραπάνω|όλες|όλα|όλους|αρχικ[^ ]*|πρότερ[^ ]*)",
        r"(?:οδηγ[^ ]*|εντολ[^ ]*|κανόν[^ ]*|περιορισμ[^ ]*|κατευθύνσ[^ ]*|υποδείξ[^ ]*)",
        "VQN VNQ",
    ),
    "he": (
        r"(?:ו?(?:התעלם|התעלמ[^ ]*|תתעלם|תתעלמ[^ ]*|שכח[^ ]*|תשכח[^ ]*|עקוף|הפר|בטל)|אל (?:תציית[^ ]*|תפעל[^ ]* לפי|תקשיב[^ ]*|תשים לב))",
        r"(?:ה?קודמ[^ ]*|ה?קודם|לעיל|מ?כל|ה?ראשונ[^ ]*|ה?מקורי[^ ]*|שקיבלת|שניתנו|למעלה|ה?מערכת)",
        r"[ובלמכהש]{0,3}(?:הוראות|הוראה|הנחיות|הנחיה|כללים|חוקים|פקודות|מגבלות|הגבלות|פרומפט[^ ]*)",
        "VQN VNQ",
    ),
    "ar": (
        r"[وف]?(?:تجاهل(?:وا|ي)?|انس(?:ى|وا|ي)?|تخط(?:ى|ي)?|الغ|تجاوز|اهمل|لا (?:تتبع|تلتزم|تطع|تنفذ|تهتم|تلتفت))",
        r"(?:ال)?(?:سابق[^ ]*|جميع|كل|كاف[ةه]|اعلاه|قديم[^ ]*|اصلي[^ ]*|اولي[^ ]*|قبل|مذكور[^ ]*|نظام)",
        r"(?:[وبلف]?(?:ال)?(?:تعليمات|اوامر|قواعد|ارشادات|توجيهات|قيود|ضوابط|سياسات)[^ ]*|ما (?:قيل|سبق|ذكر)|كل شيء)",
        "VQN VNQ",
    ),
    "fa": (
        r"(?:نادیده[^ ]*|فراموش کن[^ ]*|چشم ?پوشی کن[^ ]*|رعایت نکن[^ ]*|دنبال نکن[^ ]*|کنار بگذار[^ ]*|بی ?توجه[^ ]*)",
        r"(?:قبلی|پیشین|بالا|تمام|همه|تمامی|اولیه|گذشته|قبل|سیستم)",
        r"(?:دستور[^ ]*|قوانین|قواعد|راهنما[^ ]*|فرمان[^ ]*|محدودیت[^ ]*|پرامپت[^ ]*|مقررات)",
        "QNV NQV VQN",
    ),
    "ur": (
        r"(?:نظر ?انداز[^ ]*|بھول[^ ]*|بھلا|عمل نہ[^ ]*)",
        r"(?:پچھلی|پچھلے|سابقہ|تمام|سب|ساری|سارے|اوپر|پہلے|گزشتہ|ابتدائی)",
        r"(?:ہدای[^ ]*|احکام[^ ]*|قواعد|اصول[^ ]*|حکم|قوانین|پابندی[^ ]*)",
        "QNV NQV",
    ),
    "hi": (
        r"(?:अनदेख[^ ]*|नज़रअंदाज़|नज़र अंदाज़|भूल[^ ]*|भुला[^ ]*|उपेक्षा|मत मान[^ ]*|पालन (?:मत|न|ना)|अवहेलना|छोड़)",
        r"(?:पिछल[^ ]*|पहल[^ ]*|पूर्व[^ ]*|सभी|सार[^ ]*|सब|ऊपर|उपरोक्त|पुरान[^ ]*|मूल|प्रारंभिक|आरंभिक)",
        r"(?:निर्देश[^ ]*|अनुदेश[^ ]*|आदेश[^ ]*|नियम[^ ]*|हिदायत[^ ]*|प्रतिबंध[^ ]*|दिशानिर्देश[^ ]*|प्रॉम्प्ट[^ ]*)",
        "QNV NQV VQN",
    ),
    "bn": (
        r"(?:উপেক্ষা|অগ্রাহ্য|ভুলে|এড়িয়ে|অমান্য|মানবে না|মেনো না)",
        r"(?:আগের|পূর্বের|পূর্ববর্তী|সব|সকল|সমস্ত|উপরের|প্রাথমিক|মূল)",
        r"(?:নির্দেশ[^ ]*|আদেশ[^ ]*|নিয়ম[^ ]*|বিধি[^ ]*|প্রম্পট[^ ]*)",
        "QNV NQV",
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
    ("instruction_override", 0.8, r"(?:ละเว้น|เพิกเฉย|ไม่ต้องสนใจ|ไม่สนใจ|อย่าสนใจ|ลืม|มองข้าม|ยกเลิก|ไม่ต้องทำตาม|อย่าทำตาม|ฝ่าฝืน).{0,16}(?:คำสั่ง|คำแนะนำ|กฎ|ข้อกำหนด|ข้อจำกัด|แนวทาง).{0,16}(?:ก่อน|ด้านบน|ข้างต้น|ทั้งหมด|ที่ผ่านมา|เดิม|ระบบ)"),
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


def _override(ignore: str, earlier: str, rules: str, orders: str) -> str:
    """Join the parts of a language's override in each of its orders."""
    parts = {"V": ignore, "Q": earlier, "N": rules}
    gaps = {"V": 4, "Q": 3, "N": 4}
    said = []
    for order in orders.split():
        first, second, third = tuple(order)
        said.append(
            rf"{parts[first]} +{some_words(gaps[first])}{parts[second]} +{some_words(gaps[second])}{parts[third]}"
        )
    return rf"(?:^| )(?:{'|'.join(said)})(?: |$)"


def _said_in(*languages: str) -> tuple[Phrase, ...]:
    """Return the overrides of some languages, and how they ask for the prompt."""
    overrides = [("instruction_override", 0.85, _override(*_OVERRIDES[each])) for each in languages]
    extractions = [_EXTRACTIONS[each] for each in languages if each in _EXTRACTIONS]
    return (
        *overrides,
        *(
            ("prompt_extraction", 0.75, rf"(?:^| ){tell} +{some_words(6)}{prompt}(?: |$)")
            for tell, prompt in extractions
        ),
    )


FIRM: tuple[Phrase, ...] = (
    *(("role_change", 0.7, pattern) for pattern in _ROLES),
    *(("concealment", 0.6, pattern) for pattern in _CONCEALED),
)
"""Phrases of several words before their gap, in languages of the Latin script besides English."""

IN_LATIN: tuple[tuple[Phrase, ...], ...] = (
    _said_in("de"),
    _said_in("fr", "it"),
    _said_in("es", "pt"),
    _said_in("nl", "pl", "tr"),
    _said_in("vi", "id", "tl", "sw"),
    _said_in("cs", "ro", "hr"),
    _said_in("sv", "fi", "hu"),
)
"""The other phrases of those languages."""

IN_OTHER_SCRIPTS: tuple[tuple[Phrase, ...], ...] = (
    (*_said_in("ru"), *_RUSSIAN),
    _said_in("uk", "bg"),
    _said_in("el", "he", "ar", "fa", "ur", "hi", "bn"),
    _CHINESE_JAPANESE,
    _EAST_ASIAN,
)
"""What is said in scripts of which a text that folds to ASCII has nothing."""
