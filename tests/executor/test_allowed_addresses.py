"""Which addresses HTTP tasks may reach."""

import pytest

from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from shared.errors import InvalidRequest


class TestAnAddress:
    @pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
    def test_of_the_public_internet_is_allowed(self, address: str) -> None:
        """That is what HTTP tasks are for."""
        assert AllowedAddresses().allows("example.com", address)

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "168.63.129.16",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::10.0.0.1",
            "fe80::1%eth0",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2001::1",
            "2002:7f00:1::",
        ],
    )
    def test_that_is_not_public_is_refused(self, address: str) -> None:
        """By whatever detour it leads back inside."""
        assert not AllowedAddresses().allows("example.com", address)

    @pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
    def test_in_an_allowed_network_is_allowed(self, address: str) -> None:
        """However it is written."""
        assert AllowedAddresses(["10.0.0.0/8"]).allows("inside", address)

    def test_of_an_allowed_name_is_allowed(self) -> None:
        """Names have no case, and may end with a dot."""
        allowed = AllowedAddresses(["Billing.internal"])

        assert allowed.allows("billing.INTERNAL.", "10.1.2.3")
        assert not allowed.allows("other.internal", "10.1.2.3")

    def test_of_this_machine_is_allowed_where_that_is_asked_for(self) -> None:
        """In dev mode."""
        assert AllowedAddresses(THIS_MACHINE).allows("x", "127.0.0.1")


class TestAnEntry:
    @pytest.mark.parametrize("entry", ["", "10.0.0.0/99", "a:b"])
    def test_that_means_nothing_is_an_error(self, entry: str) -> None:
        """An operator's typing error must not go unnoticed."""
        with pytest.raises(InvalidRequest):
            AllowedAddresses([entry])
