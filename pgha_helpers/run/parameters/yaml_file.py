"""YAML that somebody has typed: a key stands once, and what is wrong is said in our words."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ...model.errors import BadParameters


class _Once(yaml.SafeLoader):
    """YAML takes the last of two keys in silence, and one who edits the first wonders."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines = dict[Any, int]()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ValueError(f"line {line}: a key is a word, and no list of words")
            if key.value in lines:
                raise ValueError(
                    f"{key.value} is given twice, in lines {lines[key.value]} and {line}: "
                    "leave one of them out"
                )
            lines[key.value] = line
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, remedy: str = "write key: value, a line each") -> dict[str, Any]:
    """Keys and values of a file; none of an empty one. Raises BadParameters, with the line."""
    try:
        raw = yaml.load(path.read_bytes(), _Once)
    except yaml.MarkedYAMLError as error:
        raise BadParameters(f"{path}: {_told(error)}", remedy) from None
    except OSError as error:
        raise BadParameters(f"{path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise BadParameters(f"{path} is no YAML: {' '.join(str(error).split())}", remedy) from None
    except ValueError as error:
        raise BadParameters(f"{path}: {error}", remedy) from None
    except RecursionError:
        raise BadParameters(f"{path} is nested too deeply", remedy) from None
    if raw is not None and not isinstance(raw, dict):
        raise BadParameters(f"{path} is not a list of keys and values", remedy)
    return raw or {}


def _told(error: yaml.MarkedYAMLError) -> str:
    """Where it is, and what."""
    mark = error.problem_mark or error.context_mark
    told = error.problem or error.context or "it is no YAML"
    if "'\\t'" in told:
        told = "a tab stands where only blanks may"
    return f"line {mark.line + 1}: {told}" if mark else told
