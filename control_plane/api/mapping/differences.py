"""Comparisons of definitions on the wire."""

from foliot.v1alpha import definition_diff_pb2 as pb

from control_plane.engine import Change, Comparison, Compatibility, Renamed, difference_words

_COMPATIBILITIES: dict[Compatibility, pb.DefinitionCompatibility.ValueType] = {
    "IDENTICAL": pb.DEFINITION_COMPATIBILITY_IDENTICAL,
    "COMPATIBLE": pb.DEFINITION_COMPATIBILITY_COMPATIBLE,
    "NEEDS_MAPPING": pb.DEFINITION_COMPATIBILITY_NEEDS_MAPPING,
    "BREAKING": pb.DEFINITION_COMPATIBILITY_BREAKING,
}
_MEANS = {
    "id": pb.RENAME_MEANS_ID,
    "parent": pb.RENAME_MEANS_PARENT,
    "structure": pb.RENAME_MEANS_STRUCTURE,
}


def diff_to(comparison: Comparison) -> pb.DefinitionDiff:
    return pb.DefinitionDiff(
        compatibility=_COMPATIBILITIES[comparison.compatibility],
        added_states=comparison.added,
        removed_states=comparison.removed,
        renamed_states=map(_renamed_to, comparison.renamed),
        changes=map(_change_to, comparison.changes),
        obstacles=[
            pb.ContinuationObstacle(
                compatibility=_COMPATIBILITIES[one.compatibility],
                state_path=one.state,
                message=one.message,
            )
            for one in comparison.reasons
        ],
        text="".join(f"{line.text}\n" for line in difference_words(comparison)),
    )


def _renamed_to(renamed: Renamed) -> pb.RenamedState:
    return pb.RenamedState(
        before_path=renamed.before,
        after_path=renamed.after,
        means=_MEANS[renamed.means],
        confidence=renamed.confidence,
    )


def _change_to(change: Change) -> pb.DefinitionChange:
    return pb.DefinitionChange(
        state_path=change.state,
        part=pb.DefinitionPart.Value(f"DEFINITION_PART_{change.part.upper()}"),
        kind=pb.ChangeKind.Value(f"CHANGE_KIND_{change.how.upper()}"),
        name=change.name,
        aspects=change.aspects,
        before=change.before,
        after=change.after,
        before_json_pointer=change.before_pointer,
        after_json_pointer=change.after_pointer,
    )
