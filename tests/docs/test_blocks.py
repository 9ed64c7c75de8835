"""
Every fenced block of every page is checked by a test, and this is the list of which by which.

A page whose block is not listed fails here: write the test, and name it below. What a block is
called is what stands after its backticks, language and word.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, pages

CHECKS: Mapping[str, Mapping[str, str]] = {
    "ARCHITECTURE.md": {"mermaid": "docs/test_architecture.py::test_are_drawn_from_the_code"},
    "CONTRIBUTING.md": {
        "sh": "docs/test_commands.py::test_are_targets_of_the_makefile",
        "python": "docs/test_commands.py::test_shows_a_test_that_is_python",
    },
    "README.md": {
        "sh ci": "docs/test_readme.py::test_of_ci_is_a_target_of_the_makefile",
        "sh dev": "docs/test_readme.py::where",
        "sh story": "docs/test_readme.py::test_takes_an_order_to_its_end_in_five_minutes",
        "sh operate": "docs/test_readme.py::test_needs_to_be_told_nothing_beside_foliot_dev",
        "text demo": "docs/test_readme.py::test_is_what_the_demo_tells_its_story_on",
        "python orders.py": "docs/test_readme.py::test_takes_an_order_to_its_end_in_five_minutes",
        "json order": "docs/test_readme.py::test_that_shows_a_definition_is_part_of_it",
        "json hello": "docs/test_readme.py::test_that_shows_a_definition_is_part_of_it",
    },
    "docs/agents.md": {
        "json": "docs/test_agents_page.py::test_starts_a_command_that_there_is",
    },
    "docs/ai-providers.md": {
        "json": "docs/test_ai_providers_page.py::test_has_samples_that_are_taken",
    },
    "docs/ai-tasks.md": {
        "sh": "docs/test_ai_tasks_page.py::test_work_as_they_are_told",
        "json": "docs/test_ai_tasks_page.py::test_has_a_policy_that_is_good",
    },
    "docs/cli.md": {
        "sh profiles": "docs/test_cli_page.py::test_keep_profiles",
        "sh story": "docs/test_cli_page.py::test_tell_a_story",
        "sh programs": "docs/test_cli_page.py::test_give_programs_what_they_take",
        "sh ingest": "docs/test_cli_page.py::test_give_programs_what_they_take",
        "json line": "docs/test_cli_page.py::test_give_programs_what_they_take",
        "sh operating": "docs/test_cli_page.py::test_operate",
        "text refused": "docs/test_cli_page.py::test_are_refused_as_it_shows",
    },
    "docs/backups.md": {
        "text url": "docs/test_upgrades_page.py::test_names_servers_as_the_driver_reads_them",
        "ini recovery": "docs/test_upgrades_page.py::test_names_the_settings_of_the_campaign",
        "sh tools": "docs/test_upgrades_page.py::test_names_programs_and_their_options",
    },
    "docs/deploying.md": {
        "sh compose": "docs/test_deploying_page.py::test_name_services_and_commands_that_there_are",
        "sh observe": "docs/test_deploying_page.py::test_are_given_what_the_file_asks_for",
        "sh helm": "docs/test_deploying_page.py::test_make_the_secrets_that_the_chart_names",
        "yaml values.yaml": "docs/test_deploying_page.py::test_set_values_that_it_has",
        "json service-config": "docs/test_deploying_page.py::test_shows_the_config_that_is_tried",
        "sql before": "docs/test_deploying_page.py::test_make_a_database_for_whoever_migrates",
        "sql after": "docs/test_deploying_page.py::test_make_logins_that_become_what_they_have_to",
    },
    "docs/clients.md": {
        "sh run": "docs/test_readme.py::test_in_python_works",
        "python client.py": "docs/test_readme.py::test_in_python_works",
        "sh grpcurl": "docs/test_readme.py::test_on_the_command_line_work",
        "sh buf": "docs/test_readme.py::test_on_the_command_line_work",
        "sh call": "docs/test_readme.py::test_on_the_command_line_work",
        "sh refused": "docs/test_readme.py::test_on_the_command_line_work",
    },
    "docs/concepts.md": {"mermaid": "docs/test_mermaid.py::test_is_drawn_for_the_site"},
    "docs/decisions/0017-json-gateway.md": {
        "sh": "docs/test_commands.py::test_start_a_gateway_from_its_files",
    },
    "docs/definition-rules.md": {
        "json breaks": "engine/spec/test_rule_page.py::test_shows_what_breaks_each",
    },
    "docs/definitions.md": {"json": "docs/test_pages.py::test_shows_good_definitions"},
    "docs/differences.md": {
        "json": "docs/test_differences.py::test_does_what_is_said_of_it",
        "yaml": "docs/test_differences.py::test_does_what_is_said_of_it",
        "json targets-exclude-each-other": (
            "docs/test_differences.py::test_is_refused_where_it_says_so"
        ),
    },
    "docs/email-tasks.md": {
        "json letter": "docs/test_email_tasks_page.py::test_is_one",
        "json output": (
            "docs/test_email_tasks_page.py::test_sends_what_it_says_and_gives_what_the_page_shows"
        ),
        "sh settings": "docs/test_email_tasks_page.py::test_are_ones",
    },
    "docs/errors.md": {
        "json": "docs/test_errors_page.py::test_is_what_such_an_error_carries",
        "python failed.py": "docs/test_errors_page.py::test_prints_what_the_page_says",
        "text failed": "docs/test_errors_page.py::test_prints_what_the_page_says",
    },
    "docs/expressions.md": {
        "json scope": "docs/test_expressions.py::test_has_the_result_beside_it"
    },
    "docs/handlers.md": {
        "python charging.py": "docs/test_handlers_page.py::test_runs_as_it_stands",
        "python test_charging.py": "docs/test_handlers_page.py::test_runs_as_it_stands",
        "python examples/plugin/foliot_example/mail.py": (
            "docs/test_handlers_page.py::test_of_the_example_stands_in_the_example"
        ),
        "python examples/plugin/foliot_example/toml_secrets.py": (
            "docs/test_handlers_page.py::test_of_the_example_stands_in_the_example"
        ),
        "toml examples/plugin/pyproject.toml": (
            "docs/test_handlers_page.py::test_of_the_example_stands_in_the_example"
        ),
        "sh named": "docs/test_handlers_page.py::test_names_the_package_by_its_name",
    },
    "docs/http-tasks.md": {
        "json pickup.json": "docs/test_http_tasks_page.py::test_are_good",
        "json choices": "docs/test_http_tasks_page.py::test_are_good",
        "json output": "docs/test_http_tasks_page.py::test_are_good",
        "python carrier.py": (
            "docs/test_http_tasks_page.py::test_ends_with_what_the_carrier_said_and_tells_no_secret"
        ),
        "sh dev": (
            "docs/test_http_tasks_page.py::test_ends_with_what_the_carrier_said_and_tells_no_secret"
        ),
        "sh story": (
            "docs/test_http_tasks_page.py::test_ends_with_what_the_carrier_said_and_tells_no_secret"
        ),
    },
    "docs/human-tasks.md": {
        "json loan": "docs/test_human_tasks_page.py::test_shows_definitions_that_are_good",
        "json purchase": "docs/test_human_tasks_page.py::test_shows_definitions_that_are_good",
        "sh worker": "docs/test_human_tasks_page.py::test_is_worked_through_as_the_page_does",
        "sh operator": "docs/test_human_tasks_page.py::test_is_worked_through_as_the_page_does",
        "sh refused": (
            "docs/test_human_tasks_page.py::test_refuses_what_the_form_does_not_ask_for"
        ),
        **dict.fromkeys(
            ("sh delegate", "sh vote", "sh comment"),
            "docs/test_human_tasks_page.py::"
            "test_is_delegated_voted_and_commented_on_as_the_page_does",
        ),
    },
    "docs/inspecting.md": {
        "bash draw": "docs/test_inspecting.py::test_draws",
        "bash diff": "docs/test_inspecting.py::test_compares_and_prints_what_the_page_shows",
        "text diff": "docs/test_inspecting.py::test_compares_and_prints_what_the_page_shows",
        "json claim.json": "docs/test_inspecting.py::test_compares_and_prints_what_the_page_shows",
        "json claim.v1.json": (
            "docs/test_inspecting.py::test_compares_and_prints_what_the_page_shows"
        ),
        "text summary": "docs/test_inspecting.py::test_is_what_the_page_shows",
    },
    "docs/interchange.md": {
        "sh": "docs/test_commands.py::test_take_a_machine_in_and_give_it_out",
    },
    "docs/limits.md": {
        "sh": "docs/test_limits_page.py::test_set_list_and_remove_limits",
        "json": "docs/test_limits_page.py::test_names_its_key_in_a_good_definition",
    },
    "docs/logs.md": {
        "json line": "docs/test_logs_page.py::test_has_the_fields_of_an_attempt",
    },
    "docs/metrics.md": {"sh ask": "docs/test_metrics_page.py::test_work"},
    "docs/objects.md": {
        "json reference": "docs/test_objects_page.py::test_is_one_to_five_letters",
        "json handing": "docs/test_objects_page.py::test_is_one",
        "python report.py": "docs/test_objects_page.py::test_reads_an_object_and_makes_another",
        "sh settings": "docs/test_objects_page.py::test_are_ones",
        "sh remove": "docs/test_objects_page.py::test_removes_what_is_old",
    },
    "docs/operating.md": dict.fromkeys(
        ("sh yours", "sh own", "sh serve", "sh keys"),
        "docs/test_readme.py::test_are_migrated_keyed_served_and_drained",
    ),
    "docs/quotas.md": {
        "sh quota": "docs/test_quotas_page.py::test_run",
        "sh queue": "docs/test_quotas_page.py::test_run",
        "json refused": "docs/test_quotas_page.py::test_is_what_a_caller_sees",
    },
    "docs/retention.md": {
        "sh set": "docs/test_commands.py::test_set_and_list_it",
        "sh run": "docs/test_commands.py::test_remove_by_hand",
    },
    "docs/runbooks/*.md": {
        "promql": "docs/test_runbooks.py::test_asks_prometheus_for_what_is_told",
        "sh look": "docs/test_runbooks.py::test_work_on_a_server",
        "sql look": "docs/test_runbooks.py::test_run_as_the_owner_of_the_schema",
    },
    "docs/scenarios.md": {
        "yaml": "docs/test_scenarios_page.py::test_is_met",
        "sh play": "docs/test_commands.py::test_play_one",
    },
    "docs/schedules.md": {
        "sh preview": "docs/test_schedules_page.py::test_preview_what_the_page_shows",
        "text preview": "docs/test_schedules_page.py::test_preview_what_the_page_shows",
        "sh keep": "docs/test_schedules_page.py::test_keep_trigger_and_forget_a_schedule",
        "json input": "docs/test_schedules_page.py::test_is_what_an_instance_gets",
    },
    "docs/security.md": {
        "sh authority": (
            "docs/test_security_page.py::test_makes_certificates_that_a_caller_believes"
        ),
        "sh server": "docs/test_security_page.py::test_makes_certificates_that_a_caller_believes",
        "sh client": "docs/test_security_page.py::test_makes_certificates_that_a_caller_believes",
        "sh executor": "docs/test_security_page.py::test_lets_an_executor_in_by_its_certificate",
        "sh executors": "docs/test_security_page.py::test_lets_an_executor_in_by_its_certificate",
        "json issuers": "docs/test_security_page.py::test_shows_a_file_of_issuers_that_is_read",
        "sh tenants": "docs/test_access_page.py::test_run",
    },
    "docs/spec-reference.md": {
        "json example": "docs/test_spec_reference.py::test_has_examples_without_any_finding",
    },
    "docs/tracing.md": {
        "sh on": "e2e/test_traces.py::told",
        "sh call": "e2e/test_traces.py::told",
        "sh sample": "telemetry/test_tracing.py::test_samples_as_the_page_recommends",
        "text trace": "e2e/test_traces.py::test_looks_as_the_page_shows_it",
    },
    "docs/transactional.md": {
        "sql owner": "docs/test_transactional.py::test_lets_a_service_start_and_send_as_it_says",
        "sql shop": "docs/test_transactional.py::test_lets_a_service_start_and_send_as_it_says",
    },
    "docs/tutorial.md": {
        "sh": "docs/test_tutorial.py::test_prints_what_stands_below_it",
        "text": "docs/test_tutorial.py::test_prints_what_stands_below_it",
        "mermaid": "docs/test_tutorial.py::test_prints_what_stands_below_it",
        "yaml *": "docs/test_tutorial.py::test_names_every_file_that_it_shows",
    },
    "docs/upgrades.md": {
        "text migrate": "docs/test_upgrades_page.py::test_shows_what_migrating_says",
    },
    "docs/watching.md": {
        "python follow.py": "docs/test_watching_page.py::test_goes_on_where_it_was_stopped",
        "python verify.py": (
            "docs/test_watching_page.py::test_ends_at_the_hash_that_the_server_tells"
        ),
        "sql": "docs/test_commands.py::test_of_an_operator_runs_on_postgres",
        "sh measure": "docs/test_commands.py::test_have_a_target_and_its_options",
    },
    "docs/workers.md": {
        "sh call": "docs/test_workers_page.py::test_reports_twice_and_is_applied_once",
        "mermaid": "docs/test_mermaid.py::test_is_drawn_for_the_site",
    },
    "examples/clients/README.md": {
        f"sh {word}": "docs/test_workers_page.py::test_has_no_command_that_nothing_runs"
        for word in ("protos", "go", "typescript", "java", "python", "access", "story")
    },
    "examples/plugin/README.md": {
        "sh": "docs/test_commands.py::test_name_a_package_for_an_executor",
    },
}


def checks_of(name: str) -> Mapping[str, str]:
    """What the list has of a page; a name in it may be a pattern for many."""
    return {
        kind: check
        for pattern, of in CHECKS.items()
        if fnmatch(name, pattern)
        for kind, check in of.items()
    }


def found() -> Iterator[tuple[str, str]]:
    """Every block there is, as its page and what it is called."""
    for path in pages():
        for block in blocks(path.read_text("utf-8")):
            yield path.relative_to(ROOT).as_posix(), f"{block.language} {block.word}".strip()


FOUND = sorted(set(found()))
LISTED = [(name, kind, check) for name, of in CHECKS.items() for kind, check in of.items()]


class TestABlock:
    @pytest.mark.parametrize(("name", "kind"), FOUND)
    def test_is_listed_with_its_check(self, name: str, kind: str) -> None:
        """What nobody runs will be wrong, and nobody will know."""
        of = checks_of(name)

        assert kind in of or f"{kind.partition(' ')[0]} *" in of


class TestACheck:
    @pytest.mark.parametrize(("name", "kind", "check"), LISTED)
    def test_is_of_a_block_that_is_there_by_a_test_that_is_there(
        self, name: str, kind: str, check: str
    ) -> None:
        """A list that goes stale accounts for nothing."""
        file, _, test = check.partition("::")
        text = (ROOT / "tests" / file).read_text("utf-8")

        shown = [one for one, other in FOUND if fnmatch(one, name) and fnmatch(other, kind)]

        assert [] != shown
        assert re.search(rf"\b(?:def )?{test}\b", text)


class TestAPageOfCode:
    def test_has_no_block_that_is_set_in_instead_of_fenced(self) -> None:
        """Such a block would not be seen here; only generated pages have them, for usages."""
        generated = {"docs/cli-reference.md", "bench/README.md"}
        hidden = []
        for path in pages():
            name = path.relative_to(ROOT).as_posix()
            if name not in generated and not name.startswith("docs/rpc/"):
                hidden += [name] * _is_set_in(path)

        assert [] == hidden


def _is_set_in(path: Path) -> bool:
    """Whether a page has a block of code that is only set in by four spaces."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.search(r"(?:^|\n)\n    \S", prose) is not None
