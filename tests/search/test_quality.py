"""A fall in the quality of search fails: notes of our own, asked for in the same and in other words, and code."""

from tests.client import Session

NOTES = {
    "deploy": (
        "We ship on Tuesdays after ten; nothing goes out on a Friday.",
        "which weekday do releases happen?",
    ),
    "retries": (
        "The payment worker tries three times and then parks the job.",
        "what happens to a charge that keeps failing?",
    ),
    "backup": (
        "Snapshots of the main database are taken at 02:00 and kept for 30 days.",
        "how long can we go back after losing data?",
    ),
    "colours": ("Ada wants dark mode by default and no pastel tones.", "what look does Ada prefer?"),
    "rust": (
        "Rust 1.74 is the oldest compiler that the engine supports.",
        "minimum toolchain for the engine",
    ),
    "vpn": (
        "Staging can be reached only through the office VPN.",
        "why can't I open the test environment from home?",
    ),
    "cache": ("Profiles are held in Redis for five minutes.", "a changed avatar shows up late, how late?"),
    "lint": (
        "Run ruff before every commit; the hook refuses unformatted code.",
        "my commit was rejected for style",
    ),
    "invoice": (
        "Invoices are numbered by year and never reused, not even after a deletion.",
        "may I give a deleted bill's number to another one?",
    ),
    "holiday": (
        "Mara is away until the third of March; ask Jon about the importer.",
        "who covers the data loading while she is on leave?",
    ),
    "timezone": (
        "All timestamps are stored in UTC and shown in the user's zone.",
        "which clock does the database use?",
    ),
    "images": ("Uploads over 8 MB are scaled down before they are saved.", "what is done to big pictures?"),
    "auth": (
        "Sessions end after twelve hours; the mobile app refreshes its token silently.",
        "when are people logged out?",
    ),
    "fonts": (
        "The PDF export embeds Noto so that Japanese names print.",
        "foreign characters are missing on printed documents",
    ),
    "queue": ("RabbitMQ was dropped for Postgres LISTEN and NOTIFY.", "do we still run a message broker?"),
    "mobile": ("Android 9 and iOS 15 are the oldest phones we test on.", "is an old handset supported?"),
    "logs": (
        "Logs never hold e-mail addresses; they are hashed first.",
        "is personal data written to the log files?",
    ),
    "tests": ("Integration tests need Docker and take eleven minutes.", "how long does the slow suite run?"),
    "prices": ("Prices are kept in cents as integers.", "do we use floats for money?"),
    "search": (
        "The search box waits 300 ms after the last key before it asks the server.",
        "why do suggestions appear with a delay?",
    ),
}
CODE = {
    "def chunks(seq, n):\n    for i in range(0, len(seq), n):\n        yield seq[i:i + n]": "split a list into batches",
    "def slug(t):\n    return re.sub(r'[^a-z0-9]+', '-', t.lower()).strip('-')": "make a URL friendly name",
    "def retry(f):\n    try:\n        return f()\n    except OSError:\n        return retry(f)": (
        "call again after a network error"
    ),
    "def flatten(x):\n    return [b for a in x for b in a]": "nested lists to one list",
    "def read_rows(p):\n    with open(p) as f:\n        return list(csv.DictReader(f))": "load a spreadsheet file",
    "def md5(p):\n    return hashlib.md5(Path(p).read_bytes()).hexdigest()": "checksum of a file",
}


def test_notes_are_found_in_the_same_and_in_other_words(shared: Session, project: str) -> None:
    for name, (text, _) in NOTES.items():
        shared.ok("store_memory", file_name=f"{name}.md", content=text, project_id=project)

    def names(query: str) -> list[str]:
        found = shared.ok("retrieve_memory", query=query, top_k=5, project_id=project)["results"]
        return [result["file_name"].removesuffix(".md") for result in found]

    other = {name: names(question) for name, (_, question) in NOTES.items()}
    first = sum(found[:1] == [name] for name, found in other.items())
    five = sum(name in found for name, found in other.items())
    assert (first >= 14, five >= 18) == (True, True), (first, five, other)
    same = {name: names(" ".join(text.split()[2:6])) for name, (text, _) in NOTES.items()}
    assert sum(found[:1] == [name] for name, found in same.items()) >= 19, same


def test_code_is_found_by_what_it_does(shared: Session, project: str) -> None:
    ids = {
        code: shared.ok(
            "log_code_attempt", input_prompt="x", generated_code=code, result="pass", project_id=project
        )["pattern_id"]
        for code in CODE
    }
    first = 0
    for code, question in CODE.items():
        found = shared.ok("get_code_patterns", query=question, project_id=project)["patterns"]
        first += found[0]["pattern_id"] == ids[code]
    assert first >= 5
