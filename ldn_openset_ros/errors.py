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


OUT_OF_MEMORY = (
    "allocate memory",  # torch on a CPU, onnxruntime
    "not enough memory",
    "out of memory",  # CUDA
    "insufficient memory",  # OpenCV
    "bad_alloc",
)
"""What libraries say, in lower case, where memory ran out: few have a type of their own for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception of Python or of a library says that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = flat(error).lower()
    return not isinstance(error, OpenSetError) and any(said in text for said in OUT_OF_MEMORY)
