"""The words by which two statements are compared, in English, German, French, Spanish, Italian and Portuguese."""

from ltmc.search.analysis import STOP_WORDS
from ltmc.search.stemming import stem


def _table(lines: str) -> dict[str, str]:
    """Return each word of a line with the first one of its line."""
    rows = [line.split() for line in lines.split(";")]
    return {word: row[0] for row in rows for word in row}


NEGATIONS = frozenset(
    "not no never cannot none neither nor nobody nothing nicht nie niemals niemand ne n non mai nunca jamais jamás "
    "não nessuno nadie ninguém".split()
)
NEGATED = ("kein", "aucun", "ningun", "ningún", "nessun", "nenhum")
"""How other negations begin."""

WITHOUT = frozenset("without ohne sans sin senza sem".split())
PLANS = frozenset(
    "plan plans decision idea proposal intention plan vorhaben beschluss entscheidung vorschlag idee "
    "projet décision proposition idée decisión propuesta decisione proposta decisão".split()
)
RETRACTED = frozenset(
    "retracted withdrawn cancelled canceled revoked reversed abandoned scrapped shelved dropped rejected obsolete "
    "zurückgezogen verworfen aufgegeben gestrichen abgelehnt abandonné abandonnée annulé annulée retiré retirée "
    "rejeté rejetée descartado descartada cancelado cancelada anulado anulada abandonado abandonada rechazado "
    "rechazada annullato annullata abbandonato abbandonata scartato scartata rejeitado rejeitada".split()
)
"""What turns round a sentence about one of `PLANS`: the plan to use Kafka is dropped."""

AFTER_NE = frozenset("pas plus jamais rien personne".split())
"""What adds nothing to a French `ne`; of these `pas` and `jamais` negate without it."""

PORTUGUESE = frozenset("o os dos é são uma ao em não foi".split())
"""By these `no` means `in the`."""

PREFIXES = ("un", "in", "im", "non", "non-", "dis", "des", "dés", "de", "a", "mis")
"""What turns a word to its opposite."""

_OPPOSITES = (
    "enable enabled/disable disabled;allow allowed permitted/forbid forbidden prohibited banned deny denied;"
    "mandatory required require/optional voluntary;visible/hidden;always/rarely;public/private;open/closed;true/false;"
    "synchronous synchronously sync/asynchronous asynchronously async;include/exclude;accept/refuse reject;"
    "automatic automatically/manual manually;before/after;internal/external;local/remote;online/offline;"
    "static/dynamic;success/failure;succeed/fail;increase/decrease;grant/revoke;inside/outside;lazy/eager;"
    "strict/lenient;"
    "erlaubt/verboten untersagt;verpflichtend pflicht/optional freiwillig;automatisch/manuell;öffentlich/privat;"
    "offen/geschlossen;intern/extern;"
    "autorisé permis/interdit;obligatoire/facultatif facultative optionnel;public/privé;ouvert/fermé;"
    "automatique automatiquement/manuel manuellement;avant/après;"
    "permitido/prohibido proibido;obligatorio obrigatório/opcional facultativo;abierto/cerrado;aberto/fechado;"
    "antes/después depois;habilitado/desabilitado;público/privado;"
    "consentito permesso/vietato;obbligatorio/facoltativo opzionale;pubblico/privato;aperto/chiuso;"
    "automatico/manuale;prima/dopo"
).split(";")


def root(word: str) -> str:
    """Return a word without what inflects it."""
    return stem(word).rstrip("aeios") or word


def _opposites() -> dict[str, tuple[str, bool]]:
    found: dict[str, tuple[str, bool]] = {"off": ("", True)}
    for pair in _OPPOSITES:
        sides = [[root(word) for word in side.split()] for side in pair.split("/")]
        known = next((found[word][0] for side in sides for word in side if word in found), sides[0][0])
        for negative, side in enumerate(sides):
            for word in side:
                found.setdefault(word, (known, bool(negative)))
    return found


OPPOSITES = _opposites()
"""The roots of words that have opposites: what stands for both, and whether it is the negative one."""

SIDES = {
    root(word): (pair, root(side.split()[0]))
    for pair in "tab/space;newest latest/oldest;ascending/descending;left/right;top/bottom;horizontal/vertical".split(
        ";"
    )
    for side in pair.split("/")
    for word in side.split()
}
"""The roots of words for one of two sides, which negate nothing: of which two, and what stands for the side."""

LABELS = frozenset(
    "bug issue ticket pr pull request mr sprint migration step chapter section adr rfc epic story task line phase "
    "milestone iteration build commit incident customer order invoice case question lesson room service "
    "fehler aufgabe schritt kapitel rechnung kunde zeile vorfall bestellung "
    "bogue étape chapitre facture client tâche ligne tarea paso capítulo factura cliente incidencia línea "
    "compito passo capitolo fattura riga tarefa etapa fatura linha demande solicitud richiesta".split()
)
"""A number after one of these says which one."""

LABELS_FIRST = LABELS | frozenset(
    "port version release level page table shard server host node worker partition module plan team epoch "
    "modul dienst puerto versión versione versão servidor módulo modulo porta".split()
)
"""These only at the beginning."""

ONLY_ONE = frozenset(
    map(root, "minimum maximum required needed default oldest newest latest current".split())
)
"""Of what is one of these there is but one, so that a number at the beginning is what is said."""

ENVIRONMENTS = frozenset(
    "staging stage production prod dev development qa preprod sandbox testing canary".split()
)

LINKS = frozenset(
    "for of and or but until since before after during when while if that which between against about than over "
    "für von vom des und oder bis seit wenn zwischen gegen über um nach "
    "de du d et ou pour jusqu depuis pendant si quand "
    "del y para hasta desde durante cuando "
    "di della dei delle e fino quando tra "
    "do da dos das para até desde quando".split()
)
"""Words that end a phrase."""

VALUE_LINKS = frozenset(
    "is are was were be been in on at by with from to as via through into per under : "
    "ist sind war waren wird werden im am auf bei mit zu zum zur als per durch aus "
    "est sont était dans en sur par avec à au aux comme chez "
    "es son está están era con por al como "
    "è sono nel nella nei nelle su sul sulla con da dal dalla per come "
    "é são está em no na nos nas com por pelo pela ao como".split()
)
"""Words that a value follows."""

USES = frozenset(
    map(
        root,
        "use uses choose chose pick picked call called name named run runs nutzen nutzt verwenden verwendet benutzen "
        "benutzt heißt utilise utilisons usa usamos utiliza utilizamos usiamo utilizza utilizziamo".split(),
    )
)
"""Verbs that a value follows."""

ROLES = frozenset(
    map(
        root,
        "own owner lead leader manage manager maintain maintainer approve approver review reviewer sign signed "
        "responsible charge contact decide on-call on-duty leitet leiter zuständig verantwortlich betreut prüft "
        "genehmigt gère responsable dirige approuve maintient valide revisa aprueba mantiene gestiona encarga lleva "
        "approva gestisce mantiene responsabile guida cuida aprova mantém gerencia responsável".split(),
    )
)
"""Words of what one person, or one team, does."""

ROLE_NAMES = {
    root(word): said.split()[0]
    for said in (
        "own owns owned owner owners",
        "lead leads led leader leitet geleitet leiter leiterin dirige dirigé dirigée dirigido dirigida lidera guida",
        "maintain maintains maintained maintainer betreut maintient mantiene mantenido mantém mantido",
        "responsible charge verantwortlich zuständig responsable responsabile responsável",
    )
    for word in said.split()
}
"""The roots of words for what one person, or one team, does; not manage, which programs do too."""

TEAMS = frozenset(map(root, "team squad guild crew department équipe equipo squadra equipe".split()))
ASIDE = frozenset(map(root, "ask tell see check note frag demande pregunta".split()))
"""With these another clause begins."""
BY = frozenset("BY VON PAR POR DA DAL DALLA PELO PELA".split())
PRESENT = frozenset("IS ARE BE IST SIND WIRD WERDEN EST SONT ES SON ESTÁ ESTÁN È SONO É SÃO".split())
PAST = frozenset("was were been had went formerly previously war waren wurde hatte était fue era foi".split())

EVENTS = {
    root(word): said.split()[0]
    for said in (
        "release released ship ships shipped launch launches launched live go-live rollout erscheint veröffentlichung",
        "due deadline fällig frist abgabetermin",
        "start starts started begin begins beginning kickoff kick-off startet beginn beginnt",
    )
    for word in said.split()
}
"""The roots of words for what happens on a day."""

PLANNED = frozenset(
    map(
        root,
        "plan planned schedule scheduled set expected slated targeted moved postponed date day go goes will "
        "geplant vorgesehen angesetzt termin".split(),
    )
)
"""What is said of a day beside what happens on it."""

DECISIONS = {
    tuple(said.split()): (negated, verb)
    for negated, verb, phrases in (
        (True, [], "decided not to;agreed not to;opted not to;chose not to;voted not to"),
        (True, ["use"], "decided against;opted against;voted against;ruled out;we dropped;stopped using"),
        (False, [], "decided to;agreed to;opted to;voted to"),
        (False, ["use"], "decided on;decided for;opted for;went with;settled on;agreed on;voted for"),
    )
    for said in phrases.split(";")
}
"""The words of a decision: whether it is not to do something, and what is done, where they say it."""

DECIDED = frozenset(said[0] for said in DECISIONS)

TAKEN = tuple(
    "use;using;adopt;adopting;take;choose;pick;introduce;introducing;keep;go with;going with;move to;moving to;"
    "switch to;switching to;migrate to;migrating to".split(";")
)
"""What one decides to do with what is used from then on."""

MEASURES = frozenset(
    map(
        root,
        "take takes took cost costs reach reached handle handles last lasts need needs dauert kostet".split(),
    )
)
"""Verbs of what depends on a number that is said with it: 10 minutes with 4 workers."""

AND_WITH = frozenset("AND UND ET Y E WITH MIT AVEC CON COM".split())
AND = frozenset("AND UND ET Y E".split())
FOR = frozenset("FOR FÜR POUR PARA PER".split())
SINCE = frozenset("SINCE SEIT DEPUIS DESDE DAL".split())
COMPARED = frozenset("OVER THAN ÜBER".split())
"""Links, as a statement has them."""

COPULAS = frozenset("IS ARE WAS WERE IST SIND WAR EST SONT SON È SONO SÃO".split())

SEVERAL = frozenset(
    map(root, "occur happen appear reproduce work works fail fails tested support speak".split())
)
"""What may be so in several places."""

SILENT = (
    (
        STOP_WORDS
        | frozenset(
            "longer anymore also only now still already currently most least newer more up every each always may must "
            "cannot shall up time "
            "der die das den dem ein eine einen einem einer es wir sie ich nur auch noch mehr jetzt immer "
            "jeder jede jeden "
            "muss müssen kann können darf dürfen hat haben wurde worden "
            "le la les l un une il elle nous vous on ce cette ces se s a ont plus toujours aussi encore doit peut été "
            "el los las lo una unos unas nosotros se ya más siempre también todavía debe puede ha han cada "
            "il lo gli i uno noi si più sempre anche ancora deve può ha hanno ogni stato "
            "o os as um uma nós se mais sempre também ainda deve pode foi toda todo tem".split()
        )
    )
    - LINKS
    - VALUE_LINKS
)

WIDE_DATES = {"年": "year", "月": "month", "日": "day", "년": "year", "월": "month", "일": "day"}
WIDE_COUNTERS = tuple("号番章节步期次回版号번장")
"""What a number that says which thing is meant stands before, where words have no blanks between them."""

WIDE_LINKS = tuple("は が を に で 是 为 用 在 到 由 은 는 이 가 을 를 로 에".split())
"""How a word ends that a value follows, in such scripts."""

NUMBERS = {
    word: str(number)
    for number, words in {
        0.5: "half",
        1: "one once first",
        2: "two twice second zwei deux dos due dois duas",
        3: "three third drei trois tres tre três",
        4: "four fourth vier quatre cuatro quattro quatro",
        5: "five fünf cinq cinco cinque",
        6: "six sechs seis sei",
        7: "seven sieben sept siete sette sete",
        8: "eight acht huit ocho otto oito",
        9: "nine neun neuf nueve nove",
        10: "ten zehn dix diez dieci dez",
        11: "eleven elf",
        12: "twelve zwölf douze doce dodici doze",
        20: "twenty",
        30: "thirty",
        50: "fifty",
        100: "hundred",
        1000: "thousand",
    }.items()
    for word in words.split()
}

UNITS: dict[str, tuple[str, float]] = {
    word: (dimension, factor)
    for dimension, factor, words in (
        ("time", 0.001, "ms millisecond milliseconds"),
        (
            "time",
            1,
            "s sec secs second seconds sekunde sekunden seconde secondes segundo segundos secondo secondi",
        ),
        ("time", 60, "m min mins minute minutes minuten minuto minutos minuti"),
        ("time", 3600, "h hour hours stunde stunden heure heures hora horas ora ore"),
        ("time", 86_400, "d day days tag tage tagen jour jours día días dia dias giorno giorni"),
        ("time", 604_800, "week weeks woche wochen semaine semaines semana semanas settimana settimane"),
        ("time", 2_592_000, "month months monat monate monaten mois mes meses mese mesi"),
        ("time", 31_536_000, "year years jahr jahre jahren an ans année années año años anno anni ano anos"),
        ("size", 1, "b byte bytes"),
        ("size", 1e3, "kb kib"),
        ("size", 1e6, "mb mib"),
        ("size", 1e9, "gb gib"),
        ("size", 1e12, "tb tib"),
        ("share", 1, "% percent prozent"),
    )
    for word in words.split()
}
EACH = frozenset("every each jede jeden jeder chaque cada ogni toda todo".split())
"""After these a unit without a number is one of it."""

MONTHS = _table(
    "january jan januar janvier enero gennaio janeiro;february feb februar février febrero febbraio fevereiro;"
    "march mar märz mars marzo março;april apr avril abril aprile;may mai mayo maggio maio;"
    "june jun juni juin junio giugno junho;july jul juli juillet julio luglio julho;"
    "august aug août agosto;september sep sept septembre septiembre settembre setembro;"
    "october oct oktober octobre octubre ottobre outubro;november nov novembre noviembre novembro;"
    "december dec dezember décembre diciembre dicembre dezembro"
)
MONTH_NUMBERS = {month: str(number) for number, month in enumerate(dict.fromkeys(MONTHS.values()), 1)}
WEEKDAYS = _table(
    "monday mondays mon montag montags lundi lunes lunedì segunda-feira;"
    "tuesday tuesdays tue dienstag dienstags mardi martes martedì terça-feira;"
    "wednesday wednesdays wed mittwoch mittwochs mercredi miércoles mercoledì quarta-feira;"
    "thursday thursdays thu donnerstag donnerstags jeudi jueves giovedì quinta-feira;"
    "friday fridays fri freitag freitags vendredi viernes venerdì sexta-feira;"
    "saturday saturdays sat samstag samstags samedi sábado sabato;"
    "sunday sundays sun sonntag sonntags dimanche domingo domenica"
)
BOUNDS = {
    word: bound
    for bound, said in (
        ("least", "least mindestens minimum min moins menos meno"),
        ("most", "most höchstens maximal maximum max plus máximo massimo"),
    )
    for word in said.split()
}
"""After these a number is the least or the most: "at least 8", "au plus 64"."""

FREQUENCIES = frozenset("hourly daily nightly weekly monthly yearly täglich wöchentlich monatlich".split())
YEAR_AFTER = frozenset("in since until by im seit bis en depuis desde hasta nel dal em até".split())
ELIDED = frozenset("l d j m t s c qu un dell nell all sull dall dell jusqu lorsqu".split())
