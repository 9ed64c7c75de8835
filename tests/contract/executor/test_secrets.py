"""What every place of secrets promises, kept by the one in memory and by files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from executor.adapters.file_secrets import FileSecrets
from executor.adapters.memory_secrets import MemorySecrets
from executor.ports.secrets import SecretMissing, SecretPort
from shared.ids import TenantId

Holding = Callable[[Mapping[str, Mapping[str, str]]], SecretPort]

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
BOTH = {"acme": {"smtp.password": "correct horse"}, "globex": {"smtp.password": "battery staple"}}


def in_memory(_: Path) -> Holding:
    """As FOLIOT_SECRETS brings them."""
    return lambda given: MemorySecrets(
        {of: {name: SecretStr(value) for name, value in own.items()} for of, own in given.items()}
    )


def in_files(folder: Path) -> Holding:
    """As FOLIOT_SECRETS_DIR has them."""

    def hold(given: Mapping[str, Mapping[str, str]]) -> SecretPort:
        for of, own in given.items():
            (folder / of).mkdir()
            for name, value in own.items():
                (folder / of / name).write_text(value, "utf-8")
        return FileSecrets(str(folder))

    return hold


@pytest.fixture(params=[in_memory, in_files])
def holding(request: pytest.FixtureRequest, tmp_path: Path) -> Holding:
    """Puts secrets, by tenant and name, where the adapter looks."""
    made: Holding = request.param(tmp_path)
    return made


class TestASecret:
    async def test_is_found_by_its_tenant_and_its_name(self, holding: Holding) -> None:
        """Two tenants may use one name for different things."""
        port = holding(BOTH)

        assert ["correct horse", "battery staple"] == [
            await port.resolve(tenant_id, "smtp.password") for tenant_id in (ACME, GLOBEX)
        ]

    async def test_keeps_its_spaces_and_its_lines(self, holding: Holding) -> None:
        """A private key has many lines, and a password may begin with a blank."""
        value = " -----BEGIN KEY-----\nß…\n-----END KEY----- "

        assert value == await holding({"acme": {"key": value}}).resolve(ACME, "key")

    @pytest.mark.parametrize(
        ("tenant_id", "name"),
        [("acme", "other"), ("globex", "only-of-acme"), ("initech", "smtp.password")],
    )
    async def test_that_the_tenant_has_not_is_missing(
        self, holding: Holding, tenant_id: str, name: str
    ) -> None:
        """Whoever else has one of this name; and the error says no value."""
        port = holding({"acme": {"only-of-acme": "correct horse"}, "globex": {"x": "whatever"}})

        with pytest.raises(SecretMissing) as missing:
            await port.resolve(TenantId(tenant_id), name)
        assert name in missing.value.message
        assert "correct horse" not in missing.value.message
