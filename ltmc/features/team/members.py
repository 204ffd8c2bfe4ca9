"""What a call says of members and of its preferences, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ltmc.errors import invalid
from ltmc.features.team.scoring import Preferences, preferred_skill
from ltmc.storage.tables.team import Member
from ltmc.tools.arguments import TeamMember


def checked_members(
    field: str, members: Sequence[TeamMember], project: str, known: Mapping[str, Member]
) -> list[Member]:
    """Return the members; what is left out comes from `known`, else is the usual.

    Raises:
        LtmcError: INVALID_ARGUMENT for a member without id, or with one given twice.
    """
    found: dict[str, Member] = {}
    for place, member in enumerate(members):
        given = [one for one in (member.get("id"), member.get("member_id")) if one is not None]
        if len(set(given)) != 1:
            raise invalid(f"{field}[{place}].id", given, "one id that is not blank (id or member_id)")
        member_id = str(given[0])
        if member_id in found:
            raise invalid(f"{field}[{place}].id", member_id, "each id once")
        usual = known.get(member_id) or Member(project, member_id, None, [], 1.0, "available")
        said = {
            key: value
            for key, value in member.items()
            if value is not None and key not in ("id", "member_id")
        }
        found[member_id] = replace(usual, **cast("dict[str, Any]", said))
    return list(found.values())


def parse_preferences(preferences: dict[str, Any]) -> Preferences:
    """Return the preferences of a call.

    Raises:
        LtmcError: INVALID_ARGUMENT that names the key and what is allowed.
    """
    skills: list[str] = []
    given: dict[str, Any] = {}
    for key, value in preferences.items():
        field = f"preferences.{key}"
        if key == "preferred_member_id":
            given[key] = _text(field, value)
        elif key in ("exclude_member_ids", "prefer_skills"):
            if not isinstance(value, list):
                raise invalid(field, value, "a list of text")
            texts = [_text(field, item) for item in value]
            if key == "prefer_skills":
                skills += texts
            else:
                given[key] = tuple(texts)
        elif key == "min_skill_coverage":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise invalid(field, value, "a number from 0 to 1")
            given[key] = float(value)
        elif key == "balance_workload" or preferred_skill(key) is not None:
            if not isinstance(value, bool):
                raise invalid(field, value, "true or false")
            if key == "balance_workload":
                given[key] = value
            elif value:
                skills.append(str(preferred_skill(key)))
        else:
            raise invalid(
                "preferences",
                key,
                "preferred_member_id, exclude_member_ids, prefer_skills, balance_workload, min_skill_coverage, "
                "prefer_<skill>",
            )
    return Preferences(skills=tuple(dict.fromkeys(skills)), **given)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(field, value, "text that is not blank")
    return value.strip()
