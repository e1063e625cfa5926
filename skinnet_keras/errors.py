"""The one exception that means "the user can fix this"."""


class UserError(Exception):
    """A mistake in the user's input: a path, a file's content, a key, a value.

    The message is one sentence that names the file, row or key and says what to do. The
    command line prints it and exits with code 2; library users can catch it.
    """


class DiskFullError(UserError):
    """No room for what was to be written; what was finished before is kept and can go on."""
