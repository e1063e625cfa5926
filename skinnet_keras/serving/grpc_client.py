"""Client of TensorFlow Serving's gRPC API; needs the extra `serving`. The port is 8500."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.serving.rest import DEFAULT_TIMEOUT
from skinnet_keras.serving.served_model import (
    Description,
    ServedModel,
    ServingClient,
    Signature,
)

_MAX_MESSAGE = 256 * 1024 * 1024  # gRPC's own limit of 4 MB is less than a batch of masks


class GrpcClient(ServingClient):
    """Predicts over gRPC: binary tensors, and only the outputs that are asked for.

    Args:
        target: Host and port, such as "localhost:8500".
        model: The model.
        timeout: Seconds to wait for an answer.
        secure: Whether the connection is encrypted (TLS, with the system's certificates).

    Raises:
        UserError: The extra `serving` is not installed.
    """

    def __init__(
        self,
        target: str,
        model: ServedModel,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        secure: bool = False,
    ) -> None:
        super().__init__(target, model, timeout)
        try:
            import grpc
            from tensorflow_serving.apis import (
                model_service_pb2_grpc,
                prediction_service_pb2_grpc,
            )
        except ImportError as error:
            raise UserError(
                "gRPC needs grpcio and tensorflow-serving-api: install skinnet-keras[serving], or "
                "use the REST API (http://...)."
            ) from error
        limits = [(f"grpc.max_{way}_message_length", _MAX_MESSAGE) for way in ("send", "receive")]
        if secure:
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(target, credentials, options=limits)
        else:
            self._channel = grpc.insecure_channel(target, options=limits)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def versions(self) -> dict[int, str]:
        from tensorflow_serving.apis import get_model_status_pb2 as status

        request = status.GetModelStatusRequest()
        self._name_model(request.model_spec)
        answer = self._call(self._models.GetModelStatus, request)
        state = status.ModelVersionStatus.State
        return {entry.version: state.Name(entry.state) for entry in answer.model_version_status}

    def predict(
        self,
        inputs: Mapping[str, Any],
        signature: str,
        *,
        outputs: Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name_model(request.model_spec)
        request.model_spec.signature_name = signature
        request.output_filter.extend(outputs or ())
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        answer = self._call(self._predictions.Predict, request)
        with self._as_documented():
            return {name: tf.make_ndarray(proto) for name, proto in answer.outputs.items()}

    def _describe(self) -> Description:
        from tensorflow_serving.apis import get_model_metadata_pb2 as metadata

        request = metadata.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request.model_spec)
        answer = self._call(self._predictions.GetModelMetadata, request)
        found = metadata.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        signatures = {
            name: Signature(_shapes(entry.inputs), _shapes(entry.outputs))
            for name, entry in found.signature_def.items()
        }
        return Description(int(answer.model_spec.version.value), signatures)

    def _name_model(self, spec: Any) -> None:
        spec.name = self.model.name
        if self.model.version is not None:
            spec.version.value = self.model.version
        elif self.model.label is not None:
            spec.version_label = self.model.label

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        import grpc

        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise self._refusal(error.code(), error.details() or "") from error

    def _refusal(self, code: Any, details: str) -> UserError:
        import grpc

        if code == grpc.StatusCode.UNAVAILABLE:
            return self._unreachable(details)
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return self._too_slow()
        if code == grpc.StatusCode.NOT_FOUND:
            return self._no_such_model(details)
        return self._refused(details or code.name)


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(dim.size for dim in info.tensor_shape.dim) for name, info in tensors.items()
    }
