"""What a command could not do, in one sentence that says what to do about it."""

NO, WRONG, ABSENT = 1, 2, 3
"""Exit codes: the answer is no; what was given is wrong; the mesh is not there or does not answer."""


class Failure(Exception):
    """Ends a command with its sentence on stderr and `code`."""

    def __init__(self, sentence: str, code: int = NO) -> None:
        super().__init__(sentence)
        self.code = code
