"""The one exception that users are meant to read."""


class OpenSetError(Exception):
    """Bad input or an unusable environment.

    The message is one line that names the file, topic or parameter and the remedy. Commands print
    it without a trace and exit with 1; the node logs it and lives on.
    """
