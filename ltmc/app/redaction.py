"""Finding what looks like a key, a token or a password in text that is about to be stored."""

import re
from collections.abc import Iterator
from typing import Any

_PATTERNS = {
    "private key": (
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
        r"(?:-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    ),
    "AWS access key": r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b",
    "GitLab token": r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    "Slack webhook": r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    "Anthropic key": r"\bsk-ant-[A-Za-z0-9_-]{20,}",
    "OpenAI key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}",
    "Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "Google key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "Google OAuth token": r"\bya29\.[A-Za-z0-9_-]{20,}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}",
    "Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "SendGrid key": r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "Twilio key": r"\bSK[0-9a-f]{32}\b",
    "Azure account key": r"\bAccountKey=[A-Za-z0-9+/]{40,}={0,2}",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "authorization header": r"(?i:\bauthorization\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]{12,}",
    "password in a URL": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']{0,100}:[^\s/@\"']{3,200}@[^\s\"']+",
    "assigned secret": (
        r"(?i:\b[\w.-]{0,40}(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|"
        r"access[_-]?token|private[_-]?key|client[_-]?secret)[\"']?\s*(?:=|:|=>)\s*)"
        r"(?:\"[^\"\s<>{}$]{6,200}\"|'[^'\s<>{}$]{6,200}'|(?=[^\s\"']*\d)[^\s\"',;<>{}()$\[\]]{8,200})"
    ),
}
_ANY = re.compile("|".join(f"(?P<k{n}>{pattern})" for n, pattern in enumerate(_PATTERNS.values())))
_KINDS = {f"k{n}": kind for n, kind in enumerate(_PATTERNS)}


def kinds_in(text: str) -> list[str]:
    """Return what `text` seems to hold, for example ``["GitHub token"]``."""
    return sorted({_KINDS[str(match.lastgroup)] for match in _ANY.finditer(text)})


def masked(text: str) -> str:
    """`text` with each secret replaced by ``[masked <kind>]``."""
    return _ANY.sub(lambda match: f"[masked {_KINDS[str(match.lastgroup)]}]", text)


def strings_in(value: Any, field: str) -> Iterator[tuple[str, str]]:
    """Each text inside JSON, with the name of the field that it stands in."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings_in(item, f"{field}.{key}")
            yield from strings_in(key, field)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from strings_in(item, f"{field}[{number}]")


def masked_json(value: Any) -> Any:
    """JSON with the secrets in its texts masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {masked(key): masked_json(item) for key, item in value.items()}
    return [masked_json(item) for item in value] if isinstance(value, list) else value
