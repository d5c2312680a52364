"""The command line. Results on stdout, logs on stderr; exit 0 done, 1 check failed, 2 usage or config, 3 time limit."""

import sys

import click

from edge.commands import cli
from edge.journal import JournalError
from edge.settings import ConfigError


def faults(error: BaseException) -> list[BaseException]:
    """The leaves of an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in faults(part)]
    return [error]


def told(error: BaseException) -> str:
    """What a person has to know of an expected failure, without a traceback; "" for one that nobody expected."""
    if isinstance(error, ConfigError | JournalError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return ""


def main() -> None:
    """Runs a command; the one place that ends the process on what nobody expected."""
    try:
        cli(standalone_mode=False, prog_name="edge")
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (Exception, BaseExceptionGroup) as error:
        leaves = faults(error)
        known = dict.fromkeys(filter(None, map(told, leaves)))
        if not known:
            raise
        print("\n".join(known), file=sys.stderr)
        sys.exit(2 if any(isinstance(leaf, ConfigError) for leaf in leaves) else 1)


if __name__ == "__main__":
    main()
