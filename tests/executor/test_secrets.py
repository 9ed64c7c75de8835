"""What handlers are given of secrets: one tenant's, and nothing that is reported holds them."""

import pytest
from pydantic import SecretStr

from executor.bootstrap.secrets import secrets_of
from executor.handlers import Handlers
from executor.ports import Ports
from executor.ports.secrets import SecretMissing, is_secret_name
from executor.runner import Runner
from shared.errors import InvalidRequest
from shared.json import Json
from shared.settings import Settings
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType
from tests.executor.ports import canned, canned_ports
from tests.executor.work import a_task

VALUE = 'correct "horse"\\/é'
OF_ACME = {"acme": {"key": VALUE, "pin": "123456", "short": " 12345"}}


class TestASecret:
    async def test_of_another_tenant_cannot_be_asked_for(self) -> None:
        """What a handler is given is bound to its task's tenant."""
        with pytest.raises(SecretMissing, match="'key'"):
            await canned_ports(tenant_id="globex", secrets=OF_ACME).secrets.resolve("key")

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../key", "a/b", "a\\b", "-a", ".a", "a\n", "é", "a\0", "a" * 129]
    )
    async def test_has_a_name_that_leads_nowhere_else(self, name: str) -> None:
        """No adapter has to look out for it."""
        assert not is_secret_name(name)
        with pytest.raises(SecretMissing, match="no name"):
            await canned_ports(secrets={"acme": {name: VALUE}}).secrets.resolve(name)

    async def test_that_cannot_be_hidden_is_not_given_out(self) -> None:
        """`***` for every 12345 of an output would be no help, and leaving it no secret."""
        with pytest.raises(SecretMissing, match="fewer than 6"):
            await canned_ports(secrets=OF_ACME).secrets.resolve("short")

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ("as it is", "as it is"),
            ({"$secret": "pin"}, "123456"),
            (["PIN ", {"$secret": "pin"}, "!"], "PIN 123456!"),
            ({"$secret": "pin", "or": 1}, None),
            ({"$secret": 1}, None),
            ([["PIN"]], None),
            (1, None),
        ],
    )
    async def test_may_be_a_text_or_a_part_of_one(self, given: Json, text: str | None) -> None:
        """`Bearer` stands before many of them."""
        assert text == await canned_ports(secrets=OF_ACME).secrets.text(given)

    async def test_may_stand_anywhere_in_what_is_filled(self) -> None:
        """And only a reference is one."""
        given: Json = {"a": [{"$secret": "pin"}, "$secret"], "b": {"$secret": "pin", "c": 1}}

        assert {
            "a": ["123456", "$secret"],
            "b": {"$secret": "pin", "c": 1},
        } == await canned_ports(secrets=OF_ACME).secrets.filled(given)


class Leaking:
    """A handler that tells everything it was given."""

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        """All of them."""
        return True

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Ask for both secrets, and put them wherever something can be put."""
        value, pin = await ports.secrets.resolve("key"), await ports.secrets.resolve("pin")
        told: Json = {value: [f"<{value}>", int(pin)], "same": "1234567"}
        if not self._fails:
            return Outcome.succeeded(told)
        message = "m" * 1_990 + value
        return Outcome.failed(Failure(kind=f"k.{pin}", message=message, details=told))


class TestAReport:
    async def test_of_a_success_holds_no_secret(self) -> None:
        """As a name, in a text or as a number."""
        adapters = canned(secrets=OF_ACME)
        runner = Runner(Handlers([Leaking(fails=False)]), adapters)
        report = await runner.run(a_task(), runner.begin())

        assert '{"***":["<***>","***"],"same":"***7"}' == report.output

    async def test_of_a_failure_holds_no_half_of_one_either(self) -> None:
        """The message is cut, but not before it is clean."""
        runner = Runner(Handlers([Leaking(fails=True)]), canned(secrets=OF_ACME))
        failure = (await runner.run(a_task(), runner.begin())).outcome.failure
        assert failure is not None

        assert ("k", "m" * 1_990 + "***", {"***": ["<***>", "***"], "same": "***7"}) == (
            failure.kind,
            failure.message,
            failure.details,
        )

    async def test_of_another_tenant_is_left_as_it_is(self) -> None:
        """Or one could find out another's secrets, or spoil its outputs, by choosing values."""
        adapters = canned(secrets=OF_ACME)
        await adapters.of(a_task().tenant_id).secrets.resolve("pin")

        assert "123456" == adapters.of(a_task(tenant_id="globex").tenant_id).secrets.redacted(
            "123456"
        )


class TestTheSettings:
    def test_have_one_place_of_secrets(self, tmp_path: object) -> None:
        """With two, nobody would know which one holds."""
        own = {"key": SecretStr(VALUE)}

        with pytest.raises(InvalidRequest, match="both set"):
            secrets_of(Settings(secrets={"acme": own}, secrets_dir=str(tmp_path)))

    def test_do_not_repeat_what_is_wrong_with_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An executor that cannot start says why, in a log that many read."""
        monkeypatch.setenv("FOLIOT_SECRETS", f'{{"acme": "{VALUE}"}}'.replace("\\/", "/"))
        with pytest.raises(Exception, match="secrets") as wrong:
            Settings()

        assert "horse" not in str(wrong.value)
