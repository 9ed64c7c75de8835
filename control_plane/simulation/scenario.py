"""
A scenario: a definition, a script, and what is expected after its steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.engine import Machine
from control_plane.simulation.result import Simulation
from control_plane.simulation.script import Script
from shared.documents import Document, Place
from shared.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """
    What is expected, by what it is about; `json_pointer` is where that is written. Texts that
    stand for more, such as a dotted state, have been written out.
    """

    json_pointer: str
    wanted: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """
    `expectations` has those of the start first, then those of each step; `pointers` say where
    in the document those are written. `spec` is the definition's JSON text, as
    CreateDefinition takes it.
    """

    document: Document
    about: str
    spec: str
    machine: Machine
    script: Script
    expectations: tuple[tuple[Expectation, ...], ...]
    pointers: tuple[str, ...]
    at_the_end: Expectation | None

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def expects(self) -> bool:
        """Whether it expects anything, or is a script only."""
        return self.at_the_end is not None or any(self.expectations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """
    Something is not as expected. `about` is the path of what is compared, as "context.amount";
    `step` the number of the step, the start being 0, or None at the end.
    """

    place: Place
    step: int | None
    about: str
    expected: Json
    found: Json
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """It has passed if there is no mismatch. `skipped` says why it was not played at all."""

    scenario: Scenario
    mismatches: tuple[Mismatch, ...] = ()
    simulation: Simulation | None = None
    """The run on the engine; None when it was played on servers."""

    skipped: str | None = None

    @property
    def has_passed(self) -> bool:
        return not self.mismatches
