"""What people type: pair files and notebook parameters, read strictly."""

from .notebooks import NOTEBOOKS, names_of_nodes, read_parameters
from .pair_file import load_pair

__all__ = ["NOTEBOOKS", "load_pair", "names_of_nodes", "read_parameters"]
