"""What keys, tokens and passwords look like.

Each shape is searched only where its literal stands, begins at a boundary and has bounded repetitions or runs
that a boundary ends, so that the time for a text grows with its length alone.
"""

import re
from base64 import b64decode
from collections.abc import Callable
from functools import cached_property

TOKENS: dict[str, list[tuple[str, str]]] = {
    "AWS access key": [
        (prefix, r"[A-Z0-9]{16}") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA", "AGPA", "AROA", "AIDA")
    ],
    "AWS key": [("ABSK", r"[A-Za-z0-9+/]{100,300}={0,2}"), ("IQoJb3JpZ2lu", r"[A-Za-z0-9+/=%]{60,4000}")],
    "LTMC token": [("ltmc_", r"[A-Za-z0-9_-]{43}")],
    "GitHub token": [
        *((prefix, r"[A-Za-z0-9]{36,255}") for prefix in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
        ("github_pat_", r"[A-Za-z0-9_]{22,255}"),
    ],
    "GitLab token": [
        *(
            (f"gl{part}-", r"[A-Za-z0-9_.-]{20,320}")
            for part in ("pat", "dt", "rt", "cbt", "ft", "ffct", "imt", "agent", "oas", "ptt", "soat")
        ),
        ("GR1348941", r"[A-Za-z0-9_-]{20}"),
    ],
    "Slack token": [
        ("xox", r"[abceoprs](?:\.xox[bp])?-(?=[A-Za-z-]{0,60}\d)[A-Za-z0-9-]{10,400}"),
        ("xapp-", r"\d-[A-Za-z0-9]{1,40}-\d{1,40}-[A-Za-z0-9]{20,200}"),
    ],
    "Slack webhook": [("hooks.slack.com/", r"(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,100}")],
    "Anthropic key": [("sk-ant-", r"(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{20,200}")],
    "OpenAI key": [
        *(
            (prefix, r"[A-Za-z0-9_-]{40,400}")
            for prefix in ("sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-", "sk-lf-")
        ),
        ("sk-", r"(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{32,100}(?!-)"),
    ],
    "Groq key": [("gsk_", r"[A-Za-z0-9]{40,60}")],
    "xAI key": [("xai-", r"[A-Za-z0-9]{60,100}")],
    "Perplexity key": [("pplx-", r"[A-Za-z0-9]{40,60}")],
    "Replicate token": [("r8_", r"[A-Za-z0-9]{37,40}")],
    "Hugging Face token": [("hf_", r"[A-Za-z0-9]{30,60}"), ("api_org_", r"[A-Za-z]{34}")],
    "Stripe key": [
        *(
            (f"{kind}_{mode}_", r"[A-Za-z0-9]{10,250}")
            for kind in ("sk", "rk")
            for mode in ("live", "test", "prod")
        ),
        ("whsec_", r"[A-Za-z0-9+/]{24,100}={0,2}"),
    ],
    "Google key": [("AIza", r"[A-Za-z0-9_-]{35}"), ("GOCSPX-", r"[A-Za-z0-9_-]{28}")],
    "Google OAuth token": [("ya29.", r"[A-Za-z0-9_-]{20,2000}"), ("1//0", r"[A-Za-z0-9_-]{40,200}")],
    "Discord webhook": [("/api/webhooks/", r"\d{17,20}/[A-Za-z0-9_-]{60,80}")],
    "npm token": [("npm_", r"[A-Za-z0-9]{36}")],
    "PyPI token": [
        ("pypi-", r"AgE[A-Za-z0-9_-]{50,1000}"),
        ("pypi-", r"(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_]{50,1000}"),
    ],
    "RubyGems key": [("rubygems_", r"[a-f0-9]{48}")],
    "SendGrid key": [("SG.", r"[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}")],
    "Twilio key": [("SK", r"[0-9a-f]{32}")],
    "Mailgun key": [("key-", r"[0-9a-f]{32}")],
    "Brevo key": [("xkeysib-", r"[a-f0-9]{64}-[A-Za-z0-9]{16}")],
    "Vault token": [
        ("hvs.", r"[A-Za-z0-9_-]{24,300}"),
        ("hvb.", r"[A-Za-z0-9_-]{24,400}"),
        ("hvr.", r"[A-Za-z0-9_-]{24,300}"),
    ],
    "DigitalOcean token": [(f"do{kind}_v1_", r"[a-f0-9]{64}") for kind in "opr"],
    "Databricks token": [("dapi", r"[a-f0-9]{32}(?:-\d)?"), ("dose", r"[a-f0-9]{32}")],
    "Shopify token": [(f"shp{kind}_", r"[a-fA-F0-9]{32}") for kind in ("at", "ca", "pa", "ss")],
    "Square token": [("sq0", r"(?:atp|csp|idp)-[A-Za-z0-9_-]{22,60}"), ("EAAA", r"[A-Za-z0-9_-]{56,60}")],
    "Facebook token": [("EAA", r"[MC][A-Za-z0-9]{100,400}")],
    "Azure account key": [
        ("AccountKey=", r"(?P<s>[A-Za-z0-9+/]{40,100}={0,2})"),
        ("SharedAccessKey=", r"(?P<s>[A-Za-z0-9+/]{40,100}={0,2})"),
    ],
    "Azure SAS": [("sig=", r"(?P<s>(?=[A-Za-z+/]{0,60}[\d%])[A-Za-z0-9%+/]{40,120}=?)")],
    "Linear key": [("lin_api_", r"[A-Za-z0-9]{40}"), ("lin_oauth_", r"[a-f0-9]{64}")],
    "Notion token": [
        ("ntn_", r"[0-9]{11}[A-Za-z0-9]{35}"),
        ("secret_", r"(?=[A-Za-z]{0,43}\d)[A-Za-z0-9]{43}"),
    ],
    "Grafana token": [("glsa_", r"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"), ("glc_", r"[A-Za-z0-9+/]{32,400}={0,3}")],
    "PlanetScale token": [(f"pscale_{kind}_", r"[A-Za-z0-9_=.-]{32,64}") for kind in ("pw", "tkn", "oauth")],
    "Postman key": [("PMAK-", r"[A-Fa-f0-9]{24}-[A-Fa-f0-9]{34}")],
    "Pulumi token": [("pul-", r"[a-f0-9]{40}")],
    "Doppler token": [("dp.", r"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}")],
    "Docker token": [("dckr_pat_", r"[A-Za-z0-9_-]{27}"), ("dckr_oat_", r"[A-Za-z0-9_-]{32}")],
    "Atlassian token": [
        ("ATATT3", r"[A-Za-z0-9_=-]{100,250}"),
        ("ATCTT3", r"[A-Za-z0-9_=-]{100,250}"),
        ("ATBB", r"[A-Za-z0-9]{32}"),
    ],
    "New Relic key": [
        ("NRAK-", r"[A-Za-z0-9]{27}"),
        ("NRII-", r"[A-Za-z0-9-]{32}"),
        ("NRJS-", r"[a-f0-9]{19}"),
    ],
    "Sentry token": [("sntrys_", r"eyJ[A-Za-z0-9+/=_]{40,600}"), ("sntryu_", r"[a-f0-9]{64}")],
    "Sourcegraph token": [("sgp_", r"(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40}")],
    "Supabase key": [("sbp_", r"[a-f0-9]{40}"), ("sb_secret_", r"[A-Za-z0-9_-]{30,60}")],
    "Fly.io token": [
        ("fo1_", r"[A-Za-z0-9_-]{43}"),
        ("fm1", r"[ar]_[A-Za-z0-9+/]{100,2000}={0,3}"),
        ("fm2_", r"[A-Za-z0-9+/]{100,2000}={0,3}"),
    ],
    "Heroku key": [("HRKU-", r"[A-Za-z0-9_-]{36,64}")],
    "Dynatrace token": [("dt0", r"[a-z]\d\d\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}")],
    "Tailscale key": [("tskey-", r"[a-z]{2,12}-[A-Za-z0-9]{8,40}-[A-Za-z0-9]{16,60}")],
    "Cloudflare key": [("v1.0-", r"[a-f0-9]{24}-[a-f0-9]{146}")],
    "Contentful token": [("CFPAT-", r"[A-Za-z0-9_-]{43}")],
    "Figma token": [("figd_", r"[A-Za-z0-9_-]{40,60}")],
    "Airtable token": [("pat", r"[A-Za-z0-9]{14}\.[a-f0-9]{64}")],
    "Alibaba key": [("LTAI", r"[A-Za-z0-9]{16,24}")],
    "Adobe secret": [("p8e-", r"[A-Za-z0-9_-]{32}")],
    "Artifactory token": [("AKCp", r"[A-Za-z0-9]{69}"), ("cmVmd", r"[A-Za-z0-9]{59}")],
    "EasyPost key": [("EZAK", r"[A-Za-z0-9]{54}"), ("EZTK", r"[A-Za-z0-9]{54}")],
    "Octopus Deploy key": [("API-", r"(?=[A-Z]{0,26}\d)[A-Z0-9]{26}")],
    "Prefect key": [("pnu_", r"[A-Za-z0-9]{36}")],
    "Typeform token": [("tfp_", r"[A-Za-z0-9_.=-]{40,70}")],
    "Readme key": [("rdme_", r"[a-z0-9]{70}")],
    "Shippo token": [("shippo_", r"(?:live|test)_[a-fA-F0-9]{40}")],
    "Duffel token": [("duffel_", r"(?:live|test)_[A-Za-z0-9_=-]{43}")],
    "Frame.io token": [("fio-u-", r"[A-Za-z0-9_=-]{64}")],
    "Flutterwave key": [("FLWSECK", r"(?:_TEST)?-[A-Za-z0-9]{12,32}(?:-X)?")],
    "Infracost key": [("ico-", r"[A-Za-z0-9]{32}")],
    "Sonar token": [(f"sq{kind}_", r"[a-f0-9]{40}") for kind in "apu"],
    "Clojars token": [("CLOJARS_", r"[a-z0-9]{60}")],
    "Dropbox token": [("sl.", r"[A-Za-z0-9_=-]{130,200}")],
    "age key": [("AGE-SECRET-KEY-1", r"[A-Z0-9]{58}")],
    "1Password token": [("ops_eyJ", r"[A-Za-z0-9+/_=-]{100,2000}")],
    "1Password key": [
        ("A3-", r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}")
    ],
    "OpenShift token": [("sha256~", r"[A-Za-z0-9_-]{43}")],
    "session cookie": [("_gitlab_session=", r"(?P<s>[0-9a-z]{32})")],
    "JSON web token": [("eyJ", r"[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,2000}")],
}
"""For each kind the literals with which a token begins, and what follows them."""

ASSIGNED = "assigned secret"
"""The kind of a secret that only its name tells."""

_ENDS = r"(?![A-Za-z0-9])"


class Shape:
    """A shape of secrets.

    Attributes:
        literal: what a text must hold to be searched.
        expression: what matches; its group ``s``, if there is one, is the secret in it.
        back: how many characters before the match belong to the secret.
        before: words of which one stands at most `reach` characters before the secret.
        check: tells of what has the shape whether it is a secret.
    """

    def __init__(
        self,
        kind: str,
        literal: str,
        expression: str,
        *,
        back: int = 0,
        before: tuple[str, ...] = (),
        reach: int = 0,
        check: Callable[[str], bool] = bool,
    ) -> None:
        self.kind, self.literal, self.expression = kind, literal, expression
        self.back, self.before, self.reach, self.check = back, before, reach, check

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The expression, compiled when a text first holds the literal: few texts do."""
        return re.compile(self.expression)


def _token(kind: str, literal: str, body: str) -> Shape:
    """Return the shape of a token that begins where no word goes on, be it after an escape such as ``\\n``."""
    name = re.escape(literal)
    after = (
        rf"(?:(?<![A-Za-z0-9_-]{name})|(?<=\\[nrt]{name})|(?<=\\u[0-9a-fA-F]{{4}}{name})|(?<=%[0-9A-F]{{2}}{name})"
        rf"|(?<=\x1b\[\dm{name})|(?<=[\[;]\d\dm{name}))"  # colours of a terminal
    )
    begins = "" if not literal[0].isalnum() else after
    return Shape(kind, literal, f"{name}{begins}{body}{_ENDS}")


def _is_name_and_password(text: str) -> bool:
    """Tell whether it is the Base64 of ``name:password``, or was: tags are stored in lower case."""
    if text.endswith("=") and len(text) >= 16 and text == text.lower():
        return True
    try:
        decoded = b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return False
    return b":" in decoded and all(0x20 <= byte != 0x7F for byte in decoded)


def _is_literal(text: str) -> bool:
    return VARIABLE.match(text) is None


def _is_told(text: str) -> bool:
    """Tell whether what follows an option is a password, not a port or a folder."""
    return (
        VARIABLE.match(text) is None
        and REFERENCE.match(text) is None
        and (re.search("[0-9]", text) is not None or WORDS.match(text) is not None)
    )


_BASE64_LINES = (
    r"(?:[A-Za-z0-9+/=\s]|\\[nrt\\]|[\"'][ \t+,\\]{0,3}\n\s{0,40}[\"'])*+(?:-----END [A-Z0-9 ]{1,60}-----)?"
)

SHAPES = [
    *(_token(kind, literal, body) for kind, tokens in TOKENS.items() for literal, body in tokens),
    Shape(
        "private key",
        "-----BEGIN ",
        (
            r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){0,20}+"
            r"(?:[A-Za-z-]{1,30}: (?:[^\n\\]{0,100}+(?=[\n\\])|[^\s\\]{0,100}+)(?:\s|\\[nr]){1,4}){0,4}"
            r"[\s\"'+,]{0,20}[A-Za-z0-9+/=]{16}" + _BASE64_LINES
        ),
    ),
    Shape(
        "Discord token",
        ".",
        (
            r"\.[A-Za-z0-9_-]{6}\.(?:"
            + "|".join(
                rf"(?<=(?<![A-Za-z0-9_-])[MNO][A-Za-z0-9_-]{{{length}}}\.[A-Za-z0-9_-]{{6}}\.)"
                for length in (23, 24, 25)
            )
            + r")[A-Za-z0-9_-]{27,40}"
            + _ENDS
        ),
    ),
    Shape("Telegram token", ":A", r":A(?<=[0-9]{8}:A)[A-Za-z0-9_-]{34}(?![A-Za-z0-9_-])"),
    Shape(
        "Mailchimp key",
        "-us",
        r"-us(?<=(?<![A-Za-z0-9])[0-9a-f]{32}-us)[0-9]{1,2}" + _ENDS,
        back=32,
    ),
    Shape(
        "Azure AD secret",
        "Q~",
        r"Q~(?<=[A-Za-z0-9_~.]{3}[0-9]Q~)[A-Za-z0-9_~.-]{31,34}" + _ENDS,
        back=4,
    ),
    Shape(
        "Terraform token",
        ".atlasv1.",
        r"\.atlasv1\.(?<=(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.)[A-Za-z0-9_=-]{60,70}",
        back=14,
    ),
    Shape(
        "MaxMind key",
        "_mmk",
        r"_mmk(?<=(?<![A-Za-z0-9])[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)",
        back=36,
    ),
    Shape(
        "authorization header",
        "uthorization",
        (
            r"uthorization\\?[\"']?\]?\s{0,3}(?:[:=,]|=>)\s{0,3}\\?[\"']?(?i:bearer|basic|token|apikey)\s{1,3}"
            r"(?P<s>(?=[A-Za-z._~+/=-]{0,100}\d)[A-Za-z0-9._~+/=-]{12,2000})"
        ),
    ),
    *(
        Shape(
            "authorization header",
            word,
            word + r"\s{1,3}(?P<s>[A-Za-z0-9+/]{8,400}={0,2})" + _ENDS,
            check=_is_name_and_password,
        )
        for word in ("Basic", "basic", "BASIC")
    ),
    *(
        Shape("session cookie", name, name + r"(?P<s>(?=[A-Za-z]{0,40}\d)[\w.%~+/-]{16,4000})")
        for name in ("sessionid=", "SESSIONID=", "SESSID=", "connect.sid=")
    ),
    Shape(
        "session cookie",
        "session=",
        r"session=(?P<s>\.?eyJ?[\w-]{6,4000}\.[\w-]{4,8}\.[\w-]{20,64})",  # of Flask
    ),
    Shape(
        "password in a URL",
        "://",
        r"://(?P<user>[^\s:/@\"'<>$]{0,100}):(?!(?P=user)@)(?P<s>[^\s:/\"'<>]{3,200})@[^\s\"']",
        check=_is_literal,
    ),
    *(
        Shape(
            "password of curl",
            option,
            (
                option
                + r"[ =\"'`,\n]{0,6}(?P<user>[^\s:\"'$<>=`]{1,100}+):(?!(?P=user)(?:[\s\"']|$))(?P<s>[^\s\"'<>]{3,200})"
            ),
            before=("curl",),
            reach=300,
            check=_is_literal,
        )
        for option in ("-u", "--user", "--proxy-user")
    ),
    *(
        Shape(
            "password of a command",
            option,
            rf"(?<=[\s\"'`]){option}{between}(?P<s>(?![\"'\-])[^\s\"'`;|<>)]{{6,200}})",
            before=commands,
            reach=200,
            check=_is_told,
        )
        for option, between, commands in (
            ("-p", "[\"']?", ("mysql", "mariadb", "sshpass")),
            ("-p", r"[\"'`,\s]{1,5}", ("sshpass", " login", "\nlogin", '"login', "mongo")),
            ("-a", r"[\"'`,\s]{1,5}", ("redis-cli",)),
            ("-P", r"[\"'`,\s]{1,5}", ("sqlcmd", "bcp ")),
            ("-w", r"[\"'`,\s]{1,5}", ("ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami")),
        )
    ),
    Shape(
        "password of a client",
        "auth",
        r"auth\s?=\s?\([\"'][^\"'\n]{1,100}[\"'],\s?[\"'](?P<s>[^\"'\s]{3,200})[\"']\)",
        check=_is_literal,
    ),
    Shape(
        "password in netrc",
        "machine",
        (
            r"machine\s{1,9}(?=\S{0,254}[.\d-]|localhost)[^\s]{1,255}\s{1,9}(?:(?:login|account)\s{1,9}[^\s]{1,255}\s{1,9}){0,2}"
            r"password\s{1,9}(?P<s>[^\s<$]{3,200})"
        ),
    ),
    Shape(
        ASSIGNED,
        "value=",
        r"value=[\"'](?P<s>[^\"'\s<>$%]{6,200})[\"']",
        before=("password", "apikey", "token", "secret"),
        reach=24,
    ),
    Shape(
        ASSIGNED,
        "</",
        r">(?P<s>[^<>\s$]{6,256})</(?i:[\w:.-]{0,20}(?:password|passphrase|secret|token|api-?key))>",
    ),
]
"""Every shape but the secrets that only their names tell, which `NAMED` finds."""

_KEYS = (
    r"(?:api|access|account|auth|client|encryption|master|private|secret|service|sign(?:ing)?|ssh)[_-]?key|"
    r"auth[_-]?token"
)
_PASSWORD = (
    r"pass(?:word|wd|wort|phrase|code|_?key)|kennwort|contrase[nñ]a|mot[ _]de[ _]passe|"
    r"wachtwoord|senha|пароль|パスワード|密码|pass(?![a-z])(?:(?<![a-z]pass)|"
    + "|".join(
        f"(?<={who}pass)" for who in "db user admin root my sql ssh ftp smtp mail login http proxy".split()
    )
    + r")|pw(?<![a-z]pw)(?![a-z])|pwd"
)

NAMED = re.compile(
    rf"(?:(?P<password>{_PASSWORD})|[\"']auth(?=[\"'])|secret|token|credentials?|_auth|{_KEYS})"
    r"(?P<rest>[\w.-]{0,20}+)(?:\\?[\"'`]|[\])]){0,2}\s{0,3}"
    r"(?::\s{0,2}[a-z][\w.\[\]| ]{0,30}=(?!=)|:=|=>|->|\|=|\|\||\?\?|\?:|[:=：])(?:\s{0,3}[>|][+-]?\n)?\s{0,5}"
)
"""A name that says secret, in lower case, with its sign of assignment; ``rest``: how the name goes on."""

OPTION = re.compile(
    rf"(?:(?P<password>{_PASSWORD}|identified by)|secret|token|{_KEYS})"
    r"(?:\\?[\"']\s{0,3},\s{0,5}|\s{1,3}(?P<is>(?:\([^()\n]{1,30}\)\s)?(?:is|was|ist|est):?\s)?)(?=[^\s,])"
)
"""A name that says secret, in lower case, with a space or a comma before the value, as on a command line."""

OF_ANOTHER_THING = re.compile(
    r"(?:hash|name|url|uri|path|file|dir|count|length|len|type|field|ref|limit|expir|ttl|policy|algorithm|version|"
    r"size|max|min|endpoint|header|label|prefix|suffix|format|rounds|pattern|regex|digest|fingerprint|date|time|"
    r"status|index|column|attribute|provider|manager|store|usage|class|i[sz]er|encod(?:er|ing)|scanning|s?[_.-]?id)s?(?:$|[_.-])"
)
"""How a name goes on that speaks of something about the secret."""

PUBLIC = re.compile(
    r"(?:public[_ -]?key|page|next|continuation|cursor|cancell?ation|sync|[be]os|pad|special)[\"_ -]{0,2}$|"
    r"\.svg\?[\w=&-]{0,60}$"
)
"""What stands, in lower case, before the name of what is no secret: a place in a list, an assembly, a badge."""

TO_PASS = re.compile(r"(?<![\w-])pass:?\s")
"""The verb, or the result of a test, in lower case."""

OF_A_TEST = re.compile(
    r"(?:[a-z\d]{1,40}_){2}\w|[A-Za-z]{0,40}(?:[Tt]est|TEST)|(?:\w[\w-]{0,40}[/.]){1,9}[A-Za-z]\w{0,60}(?:\s|$)"
)
"""How the name of a test begins, which follows its result."""

SQL = re.compile(r"IDENTIFIED|\b(?i:create|alter|grant)\s")
"""What stands in a statement that sets a password."""

_VALUE_KEY = r"(?:value|default|plain(?:text)?|text|raw|data|current|old|new|content|string(?:value|data)?)"
VALUE_KEY = re.compile(rf"{_VALUE_KEY}$")
"""A key, in lower case, of an object that stands for its value, as in ``{"password": {"value": …}}``."""

_KEY = rf"\\{{0,3}}[\"']?(?i:{_VALUE_KEY})\\{{0,3}}[\"']?\s{{0,3}}[:=]\s{{0,3}}"
ENTRY = re.compile(
    rf"\s{{0,40}}(?:[\[(,]?\s{{0,40}}\{{[^{{}}]{{0,200}}?(?<=[\s\"'{{,\\]){_KEY}|[\[(,]\s{{0,40}}(?:{_KEY})?|(?P<dash>(?<=\s)-\s{{1,40}}))"
)
"""What opens the first or the next value of a list or of an object that stands for its value."""

QUOTED = re.compile(
    r"[A-Za-z@]{0,2}(?P<quote>[\"'`])(?P<s>(?:\\\S|(?!(?P=quote))[^\s\\]){6,4000}+)(?P=quote)|"
    r"\\{1,3}(?P<inner>[\"'`])(?P<escaped>[^\"'`\s\\]{6,4000})\\{1,3}(?P=inner)"
)
"""A text in quotes, which may stand in a text in quotes itself."""

_PLAIN = r"[^\s\"'`,;&=<>)\]}|\\]"
_BETWEEN = r"&(?![\w.-]{1,40}=)|[)\]}|](?=[A-Za-z0-9])|<(?![/!?]|[A-Za-z][\w-]{0,20}[\s/>])"
BARE = re.compile(rf"(?![\[{{(<|&=:)\]}}])(?P<s>(?:{_PLAIN}{{1,64}}+|{_BETWEEN}){{1,3}}+={{0,2}}+)")
BARE_ON = re.compile(
    rf"(?:{_PLAIN}++|{_BETWEEN}|=(?![=\s])|>(?=[A-Za-z0-9])|[,;](?![\s\"'`\[{{(]|[\w.-]{{1,40}}[:=]|$))*+={{0,2}}"
)
"""What stands after the sign: a text up to a separator, and how far it goes on where it is a secret."""

CODE = re.compile(r"[A-Za-z_][\w.:!?>-]*+[(\[{]")
"""How a call or a look-up begins."""

PLACEHOLDER = re.compile(
    r"^<.*>$|example|your(?:[_-]|api|key|pass|secret|token)|xxxx|change[_-]?me|\*\*\*|\.\.\.|"
    r"placeholder|redacted|masked|dummy|\{\{|replace[_-]?(?:me|with|this)|^(?:user(?:name)?|pass(?:word|wd)?|"
    r"pwd|secret|token|test(?:pass(?:word)?)?|none|null|true|false|undefined)\d{0,4}$|^\[{1,2}\w+\]{1,2}$|"
    r"^(?:see|same|stored|kept|in)-",
    re.IGNORECASE,
)
"""What is written where a secret is to stand."""

VARIABLE = re.compile(
    r"[$@#](?:\{[^{}]*\}?|\([^()]*\)?|\d+(?!\w)|[A-Z_][A-Z0-9_]*+(?![a-z])|[A-Za-z_]++(?!\d)|"
    r"[a-z]\w*?(?i:pass|pwd|secret|token|key|cred|auth|env|conf|user|param|arg|var)\w*)|%\w+%|%[({]|\{\w+\}"
)
"""A variable, at the beginning of a text; ``$ecretWord9`` is none that anyone would name so."""

INSERTED = re.compile(r"[$#]?\{[^{}]*\}|\$\([^()]*\)")
"""A variable within a text."""

REFERENCE = re.compile(
    r"(?:arn|vault|ssm|awssm|keyring|secretsmanager|ref|env|file):(?=.*[/:.])|"
    r"%[a-z]$|~/|\.{0,2}/|https?:|[a-z][a-z\d+.-]{0,20}://|projects/|"
    r"x:\d+:\d+$|\d{4}-\d\d-\d\d(?:[T_ ][\d:.Z+-]*)?$|[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+[!?.]?$|[\d.,_:/-]+$"
)
"""What names a place, or is a number: a path, an attribute."""

NAME = re.compile(r"(?<![a-z_])(?:[a-z]++_)+[a-z]+_?v?\d{0,2}$")
"""A name in a program, such as ``api_key_2``."""

ABOUT = re.compile(
    r"pass|pwd|secret|token|key$|cred|auth|user|login|hash|crypt|plain|value|string|input|field|param|config|"
    r"requir|option|valid|prompt|hidden|generat|cient$|meric$|ential$|(?:tion|ment|ness|able|ible|ally|ing|ed|ity)s?$",
    re.IGNORECASE,
)
"""What letters alone hold when they are the name of something or a word of a sentence, not a password."""

WORDS = re.compile(
    r"(?<![A-Za-z-])(?:[a-z]{12,}+$|(?=.{16})[a-z]++(?:-[a-z]++){2,}+$|(?=.{12})(?:[A-Z]?[a-z]{1,2}(?=[A-Z])|[A-Z]){4})"
)
TERMS = frozenset(
    "aes rsa dsa ecdsa eddsa ecdh ed secp curve sha md hmac hs rs es ps gcm cbc ctr ccm siv oaep pss pkcs "
    "chacha xchacha poly blake argon bcrypt scrypt crypt pbkdf hkdf shamir fernet diceware id sk ssh utf latin "
    "iso cp windows base sig mb ascii unicode key keys privatekey publickey private public rounds min minimum "
    "max char chars characters words digit digits byte bytes bit bits days hours minutes alpha beta rc cl b c "
    "d i k n o p r s v x".split()
)
"""What algorithms, encodings, versions and lengths are written with, such as ``AES-256-GCM``, ``cl100k_base``."""

MODEL = re.compile(
    r"(?:gpt|claude|gemini|gemma|llama|mistral|qwen|deepseek|bert|text-embedding)-[a-z\d.:-]{1,60}$"
)

NAME_OF_ANOTHER = re.compile(
    r"(?:[a-z]{2,20}[-_]){1,6}(?:v?\d{1,3}|[a-z]{2,20}\d{0,2})$|[a-z]{2,10}_\d{3,10}$|[A-Z]{2,20}(?:_[A-Z]{2,20}){1,6}\d?$|"
    r"(?:[A-Z]{2,5}\d{0,3}|[A-Z][a-z]{2,20})(?:[A-Z][a-z]{2,20}){1,6}\d{0,2}$"
)
"""A name in words, such as ``orders-v2``, ``CancellationToken2``: no key is made so, though a password may be."""
