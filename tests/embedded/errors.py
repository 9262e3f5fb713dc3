"""The one error of the lab."""


class LabError(RuntimeError):
    """A foreseeable fault of the lab, in one sentence that names the value and what to do."""
