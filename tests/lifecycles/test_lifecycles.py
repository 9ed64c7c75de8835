"""One lifecycle, four tellings: the class, the table of edges, the types, the CHECK."""

from typing import get_args

import pytest
import sqlalchemy as sa
from statemachine import StateMachine

from control_plane import lifecycles
from control_plane.lifecycles import DefinitionLifecycle, InstanceLifecycle, TaskLifecycle
from control_plane.ports import records
from shared.postgres import statuses, tables

TOLD = [
    (DefinitionLifecycle, records.DefinitionStatus, tables.definition),
    (InstanceLifecycle, records.InstanceStatus, tables.instance),
    (TaskLifecycle, records.TaskStatus, tables.task),
]


class TestALifecycle:
    @pytest.mark.parametrize(("lifecycle", "type_", "table"), TOLD)
    def test_has_the_statuses_of_its_type_and_its_check(
        self, lifecycle: type[StateMachine], type_: object, table: sa.Table
    ) -> None:
        """A status that only one of them knows could be stored and not read, or the reverse."""
        [check] = [
            constraint
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint)
            and str(constraint.name).endswith("_status_check")
        ]

        statuses = lifecycles.statuses_of(lifecycle)
        assert statuses == set(get_args(type_))
        assert statuses == set(str(check.sqltext).split("'")[1::2])

    @pytest.mark.parametrize("lifecycle", [lifecycle for lifecycle, _, _ in TOLD])
    def test_ends_where_it_ends(self, lifecycle: type[StateMachine]) -> None:
        """Terminal statuses are absorbing: no edge leads out of one."""
        sources = {status for status, _ in lifecycles.edges_of(lifecycle)}

        assert sources.isdisjoint(lifecycles.final_statuses_of(lifecycle))

    def test_of_an_instance_closes_with_the_statuses_that_close_its_row(self) -> None:
        """`completed_at` is set for exactly those; what has failed can be taken up again."""
        final = lifecycles.final_statuses_of(InstanceLifecycle)
        assert final | {"failed"} == set(records.CLOSED_INSTANCE)
        assert set(statuses.CLOSED_INSTANCE) == set(records.CLOSED_INSTANCE)

    def test_of_a_task_closes_with_the_statuses_that_close_its_row(self) -> None:
        """`completed_at` is set for exactly those."""
        assert lifecycles.final_statuses_of(TaskLifecycle) == set(records.CLOSED_TASK)
        assert set(statuses.CLOSED_TASK) == set(records.CLOSED_TASK)

    def test_of_an_instance_lets_a_closed_one_become_nothing_else(self) -> None:
        """Not even running again: that is another lifecycle's business."""
        assert not lifecycles.may_become("completed", "running")
        assert lifecycles.may_become("completed", "completed")
        assert lifecycles.may_become("running", "waiting")

    @pytest.mark.parametrize("lifecycle", [lifecycle for lifecycle, _, _ in TOLD])
    def test_is_drawn_with_every_edge(self, lifecycle: type[StateMachine]) -> None:
        """What people look at is what the code obeys."""
        drawn = lifecycles.draw(lifecycle)

        for (source, _), target in lifecycles.edges_of(lifecycle).items():
            assert f"    {source} --> {target} : " in drawn
