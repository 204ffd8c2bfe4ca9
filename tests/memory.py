"""What memory a process takes, from /proc."""

import re
import time
from pathlib import Path

TEN_CALLS = {
    "store_memory": {"file_name": "a.md", "content": "The quince is ripe."},
    "retrieve_memory": {"query": "quince"},
    "add_todo": {"title": "Pick the quinces"},
    "list_todos": {},
    "log_chat": {"conversation_id": "c", "role": "user", "content": "Which fruit is ripe?"},
    "search_todos": {"query": "pick"},
    "log_code_attempt": {"input_prompt": "pick", "generated_code": "def pick(): ...", "result": "pass"},
    "get_code_patterns": {"query": "pick"},
    "list_memories": {},
    "redis_set_cache": {"key": "a", "value": "b"},
}
"""Ten calls of different tools."""


def tree(pid: int) -> list[int]:
    """The process and all that it has started."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return [pid, *(one for child in children for one in tree(child))]


def resident_mb(pid: int) -> float:
    """Wait until the process has nothing to do; return what it and its children have in memory, in 1,000,000 bytes.

    That is the resident set, with all of the libraries that other processes share. Not counted are the pages of the
    sentence model: one copy, in the page cache, serves every process.
    """
    spent = -1.0
    while spent != (spent := sum(map(_cpu, tree(pid)))):
        time.sleep(0.7)
    return sum(map(_resident, tree(pid))) * 1024 / 1e6


def _resident(pid: int) -> int:
    found = re.findall(r"^\w+-\w+ .*?(\S*)\n(?:\w+: .*\n)*?Rss: +(\d+) kB", maps(pid), re.MULTILINE)
    return sum(int(size) for name, size in found if not name.endswith(".ltms"))


def maps(pid: int) -> str:
    """What is mapped in a process."""
    return Path(f"/proc/{pid}/smaps").read_text()


def _cpu(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)
