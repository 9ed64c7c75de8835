"""
What a shell proposes at the tab key that only a server knows: ids and keys.

A server that does not answer at once proposes nothing, and says nothing.
"""

import typer


def definition_keys(context: typer.Context, incomplete: str) -> list[str]:
    """Keys that begin so, those with an active version."""
    from control_plane.cli.proposing import propose_definition_keys

    return propose_definition_keys(context.params, incomplete)


def definition_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids that begin so, with the key and the version."""
    from control_plane.cli.proposing import propose_definition_ids

    return propose_definition_ids(context.params, incomplete)


def instance_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of the newest instances that begin so, with what they are."""
    from control_plane.cli.proposing import propose_instance_ids

    return propose_instance_ids(context.params, incomplete)


def task_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of the open human tasks that begin so, with their names."""
    from control_plane.cli.proposing import propose_task_ids

    return propose_task_ids(context.params, incomplete)


def schedule_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of schedules that begin so, with what they start."""
    from control_plane.cli.proposing import propose_schedule_ids

    return propose_schedule_ids(context.params, incomplete)
