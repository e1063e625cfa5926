r"""Ask TensorFlow Serving for the diagnosis of photographs.

    python -m skinnet_keras.serving.client http://localhost:8501 mole.jpg \
        --model skinnet_v2_end_to_end --age 45 --sex female --site "anterior torso"

The version labelled "stable" answers, unless --label or --version names another.
The REST API needs neither TensorFlow nor Keras; gRPC (grpc://localhost:8500) needs the extra
`serving`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from skinnet_keras.errors import UserError
from skinnet_keras.inference.sidecar import (
    METADATA_FILE,
    SAVEDMODEL_METADATA,
    Sidecar,
    read_sidecar,
)
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE, SIGNATURE
from skinnet_keras.serving.grpc_client import GrpcClient
from skinnet_keras.serving.photographs import ServedPrediction, predict_photographs
from skinnet_keras.serving.rest import DEFAULT_TIMEOUT, RestClient
from skinnet_keras.serving.served_model import ServedModel, ServingClient

DEFAULT_LABEL = "stable"
"""Without a label a server takes the highest version: the canary, which nobody has released."""


def open_client(
    url: str, model: ServedModel, *, timeout: float = DEFAULT_TIMEOUT, columnar: bool = False
) -> ServingClient:
    """Choose the protocol by the address.

    Args:
        url: http://host:port, https://host:port, grpc://host:port, or grpcs://host:port for
            encrypted gRPC.
        model: The model.
        timeout: Seconds to wait for an answer.
        columnar: Whether REST requests go in columns instead of rows.

    Raises:
        UserError: Another kind of address, or gRPC without the extra `serving`.
    """
    if not 0 < timeout < math.inf:
        raise UserError(f"The timeout must be a number of seconds above 0, not {timeout:g}.")
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        parts = urlsplit("")
    if parts.scheme in ("grpc", "grpcs") and parts.netloc:
        secure = parts.scheme == "grpcs"
        return GrpcClient(parts.netloc, model, timeout=timeout, secure=secure)
    if parts.scheme in ("http", "https"):
        return RestClient(url, model, timeout=timeout, columnar=columnar)
    raise UserError(f"{url!r} is no address of a server: use http://host:8501 or grpc://host:8500.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after the program's name; None for those of the process.

    Returns:
        0, or 2 after a mistake that the user can fix.
    """
    given = _parser().parse_args(arguments)
    if given.version is None and given.label is None:
        given.label = DEFAULT_LABEL
    try:
        predictions = _predict(given)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    if given.json:
        asked = {name: getattr(given, name) for name in ("model", "version", "label")}
        images = [_plain(prediction) for prediction in predictions]
        print(json.dumps({**asked, "images": images}, allow_nan=False))
    else:
        for prediction in predictions:
            _print(prediction)
    if given.metadata is None:
        print(
            "Without --metadata the classes are taken for those of ISIC-2019, and no decision by "
            "thresholds is shown.",
            file=sys.stderr,
        )
    print("For research only: this is not medical advice.", file=sys.stderr)
    return 0


def _predict(given: argparse.Namespace) -> list[ServedPrediction]:
    model = ServedModel(given.model, given.version, given.label)
    client = open_client(given.url, model, timeout=given.timeout, columnar=given.columnar)
    sidecar = None
    if given.metadata is not None:
        sidecar = read_sidecar_of(client, given.metadata)
    return predict_photographs(
        client,
        given.images,
        age=given.age,
        sex=given.sex,
        site=given.site,
        signature=given.signature,
        with_mask=False,
        sidecar=sidecar,
    )


def read_sidecar_of(client: ServingClient, path: Path) -> Sidecar:
    """Read the `metadata.json` of the version that a server answers with.

    Each version has its own classes and thresholds. The one beside an export's files is of the
    newest, so the version's own is taken where the export's folder is at hand.

    Args:
        client: The connection.
        path: Folder of the export, folder of one version, or a `metadata.json`.

    Raises:
        UserError: There is none, it is damaged or of another version, or trouble with the server.
    """
    folder = (path if path.is_dir() else path.parent).resolve()
    if folder / METADATA_FILE == folder.parent / SAVEDMODEL_METADATA:
        folder = folder.parent
    version = client.version()
    if folder.name.isdecimal() and int(folder.name) != version:
        raise UserError(
            f"{path} is of version {folder.name}, but the server answers with version {version} of "
            f"{client.model}: give the metadata of that one."
        )
    # The models of an export are served as NAME_KIND; their versions lie in KIND/.
    kinds = folder.iterdir() if folder.is_dir() else ()
    own = [kind / str(version) for kind in kinds if client.model.name.endswith(f"_{kind.name}")]
    source = own[0] if own else path
    sidecar = read_sidecar(source)
    if sidecar is None:
        raise UserError(f"There is no {METADATA_FILE} at {source}.")
    return sidecar


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m skinnet_keras.serving.client",
        description="Ask TensorFlow Serving for the diagnosis of photographs of one lesion.",
    )
    parser.add_argument("url", help="http://host:8501, or grpc://host:8500")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument("--model", required=True, help="its name there: NAME_end_to_end")
    parser.add_argument("--version", type=int, help="number of a version")
    parser.add_argument(
        "--label", help=f"or the label of a version: canary; {DEFAULT_LABEL} without either"
    )
    parser.add_argument("--age", help="age of the patient in years")
    parser.add_argument("--sex", help="female or male")
    parser.add_argument("--site", help='anatomical site, such as "anterior torso"')
    parser.add_argument(
        "--signature", default=IMAGE_BYTES_SIGNATURE, choices=(IMAGE_BYTES_SIGNATURE, SIGNATURE)
    )
    parser.add_argument(
        "--metadata",
        type=Path,
        metavar="PATH",
        help="the export's folder or metadata.json: classes and thresholds",
    )
    parser.add_argument("--columnar", action="store_true", help="REST requests in columns")
    parser.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT, help="seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _plain(prediction: ServedPrediction) -> dict[str, object]:
    return {
        "image": str(prediction.image),
        "probabilities": prediction.probabilities,
        "decision": prediction.decision,
        "abstain": prediction.abstain,
    }


def _print(prediction: ServedPrediction) -> None:
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    named = ", ".join(f"{name} {value:.4f}" for name, value in ranked[:3])
    decision = f"; decision {prediction.decision}" if prediction.decision else ""
    print(f"{prediction.image}: {named}{decision}" + ("; ABSTAIN" if prediction.abstain else ""))


if __name__ == "__main__":
    sys.exit(main())
