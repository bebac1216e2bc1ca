"""The one exception that users are meant to read, and what others say in it."""


class OpenSetError(Exception):
    """Bad input or an unusable environment.

    The message is one line that names the file, topic or parameter and the remedy. Commands print
    it without a trace and exit with 1; the node logs it and lives on.
    """


class OpenSetWarning(UserWarning):
    """What works, but hardly as the user means it; one line with the remedy, as errors are."""


def flat(error: BaseException | str) -> str:
    """Return what an exception or another's text says, on one line."""
    return " ".join(str(error).split())


def one_line(error: BaseException | str) -> str:
    """Return what an exception or another's text says, on one line of at most 120 characters."""
    return flat(error)[:120] or type(error).__name__
