"""Who is the host, according to Discord's description of the application."""

from typing import Any
from unittest.mock import Mock

import discord
import pytest

from bot.services.host_access import host_ids


def user(number: int) -> dict[str, Any]:
    return {"id": str(number), "username": "x", "discriminator": "0", "avatar": None}


def application(**values: Any) -> discord.AppInfo:
    """An application as Discord describes it; that of a team is owned by the team's own user."""
    state = Mock()
    state.create_user = lambda data: Mock(id=int(data["id"]))
    known = {"id": "1", "name": "Imagine", "icon": None, "description": "", "verify_key": ""}
    flags = {"bot_public": True, "bot_require_code_grant": False}
    data: Any = {**known, **flags, "owner": user(10), "team": None, **values}
    return discord.AppInfo(state, data)


def test_the_owner_is_the_host() -> None:
    assert host_ids(application()) == {10}


@pytest.mark.parametrize(
    ("membership", "role", "allowed"),
    [
        (2, "admin", True),
        (2, "developer", True),
        (2, "read_only", False),
        (1, "admin", False),  # invited, and has not accepted
    ],
)
def test_hosts_of_a_team_are_its_owner_and_members_who_may_change_the_application(
    membership: int, role: str, allowed: bool
) -> None:
    member = {"user": user(12), "team_id": "5", "membership_state": membership, "role": role}
    team = {"id": "5", "name": "T", "icon": None, "owner_user_id": "11", "members": [member]}
    assert host_ids(application(team=team)) == ({11, 12} if allowed else {11})
