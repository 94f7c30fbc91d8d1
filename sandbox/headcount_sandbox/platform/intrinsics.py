"""CloudFormation's intrinsic functions, as far as templates for the sandbox need them.

AWS: "Intrinsic function reference". What is not known here is refused by name: a template must mean the same in the
sandbox as on AWS, or not run at all.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from headcount_sandbox.errors import HeadcountSandboxError

NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)}")


class Intrinsics:
    """Resolves values of one template.

    `references` holds parameters and pseudo parameters; `resource` answers Ref of a resource (None: there is none
    of that name), `attribute` answers GetAtt.
    """

    def __init__(
        self,
        *,
        references: Mapping[str, Any],
        resource: Callable[[str], str | None],
        attribute: Callable[[str, str], Any],
        conditions: Mapping[str, Any],
        mappings: Mapping[str, Any],
    ) -> None:
        self._references = references
        self._resource = resource
        self._attribute = attribute
        self._conditions = conditions
        self._mappings = mappings
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::If": self._if,
            "Fn::Equals": self._equals,
            "Fn::Not": lambda value: not self._truth(value[0]),
            "Fn::And": lambda value: all(self._truth(item) for item in value),
            "Fn::Or": lambda value: any(self._truth(item) for item in value),
            "Fn::FindInMap": self._find_in_map,
        }

    def resolve(self, value: Any) -> Any:
        """The value with every function in it replaced by its result; NO_VALUE disappears from lists and objects."""
        match value:
            case list():
                return [item for item in map(self.resolve, value) if item is not NO_VALUE]
            case dict() if len(value) == 1 and self._is_function(next(iter(value))):
                name, argument = next(iter(value.items()))
                return self._call(name, argument)
            case dict():
                resolved = {key: self.resolve(item) for key, item in value.items()}
                return {key: item for key, item in resolved.items() if item is not NO_VALUE}
            case _:
                return value

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            raise HeadcountSandboxError(f"The template names the condition {name}, which it does not define.")
        return self._truth(self._conditions[name])

    def _is_function(self, key: str) -> bool:
        # A policy statement may have "Condition" as its only key, but then with an object, not with a name.
        return key == "Ref" or key.startswith("Fn::")

    def _call(self, name: str, argument: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            known = ", ".join(sorted(self._functions))
            raise HeadcountSandboxError(f"The template uses {name}; the sandbox knows {known}.")
        try:
            return function(argument)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise HeadcountSandboxError(f"The template's {name} cannot be resolved: {argument!r}") from error

    def _truth(self, value: Any) -> bool:
        match value:
            case {"Condition": str(name)}:
                return self.condition(name)
            case _:
                return self.resolve(value) in (True, "true")

    def _ref(self, name: str) -> Any:
        if name in self._references:
            return self._references[name]
        resource = self._resource(name)
        if resource is None:
            raise HeadcountSandboxError(f"The template refers to {name}, which it does not define.")
        return resource

    def _get_att(self, value: str | list[str]) -> Any:
        logical_id, name = value.split(".", 1) if isinstance(value, str) else value
        return self._attribute(logical_id, name)

    def _sub(self, value: str | list[Any]) -> str:
        text, variables = (value, {}) if isinstance(value, str) else value

        def replacement(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in variables:
                return str(self.resolve(variables[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(replacement, text)

    def _join(self, value: list[Any]) -> str:
        delimiter, items = value
        return str(delimiter).join(str(item) for item in self.resolve(items))

    def _split(self, value: list[Any]) -> list[str]:
        delimiter, text = value
        return str(self.resolve(text)).split(delimiter)

    def _select(self, value: list[Any]) -> Any:
        index, items = value
        return self.resolve(items)[int(self.resolve(index))]

    def _if(self, value: list[Any]) -> Any:
        name, yes, no = value
        return self.resolve(yes if self.condition(name) else no)

    def _equals(self, value: list[Any]) -> bool:
        left, right = self.resolve(value)
        return bool(str(left) == str(right))

    def _find_in_map(self, value: list[Any]) -> Any:
        name, top, second = self.resolve(value)
        return self._mappings[name][top][second]
