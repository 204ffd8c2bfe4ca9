"""The address of a PostgreSQL database: what is wrong with it, and how it is shown, both without its password."""

import re
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

ALLOWED = (
    "allowed: postgresql://user@host:port/name, with parameters of libpq after a ?; in names and passwords @ / : ? # % "
    "are written as %40 %2F %3A %3F %23 %25"
)


def fault(url: str) -> str | None:
    """Return what is wrong with an address, without what may be a part of its password; None if nothing is."""
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    if "@" in path or authority.count("@") > 1:
        return "a @ or / of a name or password stands in it as such"
    if re.search("%(?![0-9A-Fa-f]{2})", url):
        return "a % stands in it as such"
    try:
        parts = conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):  # whose message may repeat the password
        return _unknown_parameter(url) or "libpq cannot read it"
    if not all(port == "" or _is_port(port) for port in str(parts.get("port", "")).split(",")):
        return "its port is no number from 1 to 65535"
    return None if parts.get("dbname") else "it names no database"


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 0 < int(text) <= 65_535


def _unknown_parameter(url: str) -> str | None:
    query = url.partition("?")[2]
    if "@" in query:  # then what stands before that may be a password
        return None
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    for parameter in query.split("&"):
        name, equals, _ = parameter.partition("=")
        if equals and name not in known and re.fullmatch("[A-Za-z_]+", name):
            return f"libpq knows no parameter {name}"
    return None


def shown(url: str) -> str:
    """Return an address without its password, and without what may hold one."""
    if fault(url) is not None:
        return "postgresql://…"
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    hosts, ports = parts.get("host", parts.get("hostaddr", "")).split(","), parts.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = [
        (f"[{host}]" if ":" in host else quote(host, safe="")) + (f":{port}" if port else "")
        for host, port in zip(hosts, ports, strict=False)
    ]
    user = quote(parts["user"], safe="") + "@" if "user" in parts else ""
    return f"postgresql://{user}{','.join(places)}/{quote(parts.get('dbname', ''), safe='')}"
