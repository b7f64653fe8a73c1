"""What a command says when it cannot do what it was asked, and the status it leaves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tollbar.cli.output import complain, note

if TYPE_CHECKING:
    from tollbar.settings import Fault

FAILED = 1
ARGUMENTS = frozenset({"model", "key", "file", "url"})
"""Fields that commands take without the name of an option."""


@contextmanager
def spoken(**options: str) -> Iterator[None]:
    """Turns the product's errors into a message with its remedy and status 1; anything else is a fault of ours.

    `options` are those that the command calls otherwise than the fields that they fill.
    """
    from tollbar.admin.bootstrap import BootstrapError
    from tollbar.app.supervisor import WorkersFailed
    from tollbar.domain.errors import GatewayError
    from tollbar.providers.vendors import VendorFaults
    from tollbar.settings import SettingsError
    from tollbar.storage.engine import StoreRefused

    try:
        yield
    except SettingsError as error:
        say_faults(error.faults)
        raise typer.Exit(FAILED) from None
    except GatewayError as error:
        complain(f"{_option(options.get(error.field or '', error.field))}{error.message}", error.hint)
        raise typer.Exit(FAILED) from None
    except WorkersFailed:
        raise typer.Exit(FAILED) from None  # they said why
    except StoreRefused as error:
        complain(error.message, error.hint)
        raise typer.Exit(FAILED) from None
    except VendorFaults as error:
        for fault in error.faults:
            complain(fault)
        raise typer.Exit(FAILED) from None
    except BootstrapError as error:
        complain(str(error))
        raise typer.Exit(FAILED) from None


def say_faults(faults: "Sequence[Fault]") -> None:
    """Lists what is wrong with the settings."""
    count = len(faults)
    note(f"tollbar: {count} {'setting is' if count == 1 else 'settings are'} wrong:")
    for fault in faults:
        note(f"  {fault}")


def _option(field: str | None) -> str:
    return f"--{field.replace('_', '-')}: " if field and field not in ARGUMENTS else ""
