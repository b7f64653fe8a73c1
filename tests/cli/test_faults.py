"""What a command says when it cannot do what it was asked."""

import pytest
import typer

from tollbar.admin.bootstrap import BootstrapError
from tollbar.cli.faults import spoken
from tollbar.domain.errors import InvalidValue, NotFound
from tollbar.providers.vendors import VendorFaults
from tollbar.settings import Fault, SettingsError
from tollbar.storage.engine import StoreRefused


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidValue("No.", field="max_uses", hint="Try 1."), "tollbar: --max-uses: No.\n  Try 1.\n"),
        (NotFound("Gone."), "tollbar: Gone.\n"),
        (StoreRefused("Locked.", "Wait."), "tollbar: Locked.\n  Wait.\n"),
        (BootstrapError("No secret."), "tollbar: No secret.\n"),
        (VendorFaults(["one", "two"]), "tollbar: one\ntollbar: two\n"),
        (SettingsError([Fault("a", "b", "c")]), "tollbar: 1 setting is wrong:\n  a: b c.\n"),
    ],
)
def test_errors_of_the_product_are_spoken(capsys: pytest.CaptureFixture[str], error: Exception, said: str) -> None:
    """A message, its remedy, status 1, and no traceback."""
    with pytest.raises(typer.Exit) as left, spoken():
        raise error
    assert (left.value.exit_code, capsys.readouterr().err) == (1, said)


def test_a_fault_of_ours_is_not_hidden() -> None:
    """Whatever else goes wrong keeps its traceback."""
    with pytest.raises(ZeroDivisionError), spoken():
        raise ZeroDivisionError
