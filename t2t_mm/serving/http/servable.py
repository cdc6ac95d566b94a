"""One loaded version of an export: its signatures as functions of columns of bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from t2t_mm.serving.http.request_error import RequestError, RowError, bad_request, not_found
from t2t_mm.serving.http.rest import Row
from t2t_mm.serving.http.tensor_values import json_values, refusal, tensor_info

_DEFAULT = "serving_default"
EXPLAIN = "explain_"


def features_of(problem: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Input's name -> its description, of a problem as an export lists it."""
    if "features" in problem:
        return problem["features"]
    shared = {key: problem.get(key) for key in ("sample_rate", "image_size", "absent")}
    return {"inputs": {"kind": problem["inputs"], **shared}}


@dataclass(frozen=True, eq=False)  # one object for each signature and version
class ServedSignature:
    """A function of the SavedModel.

    Attributes:
      name: as in the SavedModel.
      problem: what t2t_mm.json says of its problem.
      function: takes string [B] for each input.
      explains: whether it is explain_NAME, whose answers have one length per call.
    """

    name: str
    problem: dict[str, Any]
    function: Any
    explains: bool

    @property
    def features(self) -> dict[str, dict[str, Any]]:
        """Input's name -> what the export says of it; exports of the first edition had one."""
        return features_of(self.problem)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs."""
        return tuple(sorted(self.function.structured_input_signature[1]))

    @property
    def whole(self) -> frozenset[str]:
        """The outputs without an axis of rows, such as the size of a grid."""
        specs = self.function.structured_outputs.items()
        return frozenset(
            name for name, spec in specs if spec.shape.rank == 0 or _fixed_first(spec.shape)
        )

    def answer(self, columns: dict[str, list[bytes]]) -> list[Row]:
        """Runs the function.

        Args:
          columns: B values for each input.

        Returns:
          For each of the B rows its outputs as JSON values; those in `whole` are the same in all.

        Raises:
          RowError: if the graph refuses an input.
        """
        count = len(next(iter(columns.values())))
        try:
            tensors = self.function(
                **{name: tf.constant(column, tf.string) for name, column in columns.items()}
            )
        except tf.errors.InvalidArgumentError as error:
            raise RowError(refusal(error.message)) from None
        lists = {name: json_values(tensor.numpy()) for name, tensor in tensors.items()}
        whole = self.whole
        for name, values in lists.items():
            if name not in whole and len(values) != count:
                raise RuntimeError(
                    f"signature {self.name} answered {count} rows with {len(values)} of '{name}'"
                )
        return [
            {name: values if name in whole else values[row] for name, values in lists.items()}
            for row in range(count)
        ]

    def definition(self) -> dict[str, Any]:
        """Its part of TensorFlow Serving's signature_def."""
        inputs = self.function.structured_input_signature[1]
        return {
            "inputs": {name: tensor_info(name, spec) for name, spec in inputs.items()},
            "outputs": {
                name: tensor_info(name, spec)
                for name, spec in self.function.structured_outputs.items()
            },
            "method_name": "tensorflow/serving/predict",
        }


@dataclass(eq=False)
class Servable:
    """A loaded version.

    Attributes:
      version: its folder's number.
      card: the content of t2t_mm.json.
      signatures: by name.
      in_flight: requests that use it.
    """

    version: int
    card: dict[str, Any]
    signatures: dict[str, ServedSignature]
    model: Any = None  # the functions hold only weak references to its variables
    in_flight: int = field(default=0)

    @property
    def problems(self) -> list[str]:
        """Their names, as the export lists them."""
        return list(self.card["problems"])

    def signature(self, name: str | None) -> ServedSignature:
        """The signature that a request means.

        Args:
          name: what it says; None or "serving_default" stand for the only problem, if there is one.

        Raises:
          RequestError: 400 if there are several problems, 404 for an unknown name.
        """
        names = ", ".join(self.problems)
        if name in (None, "", _DEFAULT):
            if len(self.problems) > 1:
                raise bad_request(f"several problems are served; signature_name is one of {names}.")
            name = self.problems[0]
        if name not in self.signatures:
            raise _unknown_signature(name, names)
        return self.signatures[name]


def _unknown_signature(name: str, names: str) -> RequestError:
    return not_found(
        f"unknown signature_name {json.dumps(name[:80])}; the problems are {names}, each with "
        f"{EXPLAIN}NAME where the export has it."
    )


def _fixed_first(shape: tf.TensorShape) -> bool:
    return shape.rank is not None and shape[0] is not None
