"""What a server serves: a model by name, version or label, and its signatures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.serving.refusals import plain_refusal


@dataclass(frozen=True)
class ServedModel:
    """A model of a server.

    Attributes:
        name: Its name there, such as "skinnet_v2_end_to_end".
        version: Number of the version; or
        label: label of the version ("stable", "canary"). Without either the server takes the
            highest version, which is the canary where there is one.

    Raises:
        UserError: Both are given.
    """

    name: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if self.version is not None and self.label is not None:
            raise UserError("Ask for a version or for a label of the model, not for both.")

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name!r}, version {self.version}"
        return f"{self.name!r}" + (f", label {self.label!r}" if self.label else "")


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a signature: name -> shape, batch first, -1 where any size goes."""

    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Description:
    """What a server says about a model: the version that answers, and its signatures by name."""

    version: int
    signatures: Mapping[str, Signature]


class ServingClient(ABC):
    """Talks to TensorFlow Serving about one model.

    Args:
        address: Where the server is, for messages.
        model: The model.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, address: str, model: ServedModel, timeout: float) -> None:
        self.address = address
        self.model = model
        self.timeout = timeout
        self._described: Description | None = None

    def signature(self, name: str) -> Signature:
        """Ask the server for a signature of the model; once, it is remembered.

        Raises:
            UserError: The server cannot be reached, or has no such model or signature.
        """
        signatures = self._description().signatures
        if name not in signatures:
            public = sorted(known for known in signatures if not known.startswith("__"))
            raise UserError(
                f"The model {self.model} has no signature {name!r}, only {', '.join(public)}."
            )
        return signatures[name]

    def has_signature(self, name: str) -> bool:
        """Tell whether the model has a signature; UserError as `signature`."""
        return name in self._description().signatures

    def version(self) -> int:
        """Ask for the number of the version that answers; UserError as `signature`."""
        return self._description().version

    def _description(self) -> Description:
        if self._described is None:
            self._described = self._describe()
        return self._described

    @abstractmethod
    def _describe(self) -> Description:
        """Ask the server for the model's version and its signatures."""

    @abstractmethod
    def versions(self) -> dict[int, str]:
        """Ask for the versions that are served: number -> state, such as "AVAILABLE".

        Raises:
            UserError: The server cannot be reached, or has no such model.
        """

    @abstractmethod
    def predict(
        self,
        inputs: Mapping[str, Any],
        signature: str,
        *,
        outputs: Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Run a signature.

        Args:
            inputs: Name -> array (B, ...), or list of B words or files, for every input.
            signature: Name of the signature.
            outputs: Those wanted; None for all.

        Returns:
            Name -> array (B, ...).

        Raises:
            UserError: The server cannot be reached, has no such model, or refuses the inputs.
        """

    def _unreachable(self, reason: object) -> UserError:
        return UserError(
            f"{self.address} cannot be reached ({reason}): is the server running there?"
        )

    def _too_slow(self) -> UserError:
        return UserError(
            f"{self.address} did not answer within {self.timeout:g} seconds: try a longer timeout."
        )

    def _no_such_model(self, message: str) -> UserError:
        return UserError(
            f"{self.address} serves no model {self.model} ({message}): check its name, version "
            "and label."
        )

    def _refused(self, message: str) -> UserError:
        refusal = f"{self.address} refuses the request: {plain_refusal(message)}"
        if "version label" in message:
            # Another version instead would answer as if it were the one that was asked for.
            refusal = (
                f"{refusal.rstrip('.')}: ask for a version by its number, or give one that label "
                "in the server's models.config."
            )
        return UserError(refusal)

    @contextmanager
    def _as_documented(self) -> Iterator[None]:
        """Turn what goes wrong in reading an answer of another form into a UserError."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise self._foreign() from error

    def _foreign(self) -> UserError:
        return UserError(f"{self.address} does not answer as TensorFlow Serving does.")


def wanted_outputs(answer: dict[str, np.ndarray], names: Sequence[str] | None) -> dict[str, Any]:
    """Keep the outputs that were asked for."""
    return answer if names is None else {name: answer[name] for name in names}
