"""Trained modules as ONNX with narrow weights: fewer bytes, computed in 32 bits as before.

Weights of 16 bits stand behind a Cast, those of 8 behind a Cast and a Mul with one scale for each output; onnxruntime
folds both when it opens the session.
"""

from __future__ import annotations

import io
import warnings
from typing import Any, Literal

# Parameters below this many elements stay at 32 bits; they weigh nothing.
_SMALL = 64
# Fewer than this many values to a scale are not worth it: the scales would weigh as much.
_FEW = 16

Bits = Literal[16, 8]


def to_onnx(
    module: Any, example: Any, dynamic: dict[str, dict[int, str]], bits: Bits = 16
) -> bytes:
    """The module's graph from `in` to `out`, opset 17; `dynamic` names the axes of either that may vary."""
    import onnx
    import torch

    held = io.BytesIO()
    with warnings.catch_warnings():
        # Tracing remarks on every size that it takes for fixed; those that vary are named, and tests compare.
        warnings.simplefilter("ignore")
        # The LSTM needs the exporter by tracing: the other one unrolls it.
        torch.onnx.export(
            module.eval(),
            (example,),
            held,
            input_names=["in"],
            output_names=["out"],
            dynamic_axes=dynamic,
            opset_version=17,
            dynamo=False,
        )
    return narrowed(onnx.load_from_string(held.getvalue()), bits)


def narrowed(model: Any, bits: Bits) -> bytes:
    """The model with its larger float32 initialisers at so many bits. Its nodes stay in order."""
    from onnx import TensorProto, numpy_helper

    before: list[Any] = []
    kept: list[Any] = []
    for initialiser in model.graph.initializer:
        values = numpy_helper.to_array(initialiser)
        if initialiser.data_type != TensorProto.FLOAT or values.size < _SMALL:
            kept.append(initialiser)
            continue
        tensors, nodes = (_eight if bits == 8 and _scaled(values) else _sixteen)(
            initialiser.name, values
        )
        kept += tensors
        before += nodes
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*before, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    raw: bytes = model.SerializeToString()
    return raw


def _scaled(values: Any) -> bool:
    return bool(values.ndim >= 2 and values.size // _channels(values) >= _FEW)


def _channels(values: Any) -> int:
    """How many outputs have a scale: the first axis, and of an LSTM's (directions, gates, inputs) the second as well."""
    return int(values.shape[0] * values.shape[1] if values.ndim == 3 else values.shape[0])


def _sixteen(name: str, values: Any) -> tuple[list[Any], list[Any]]:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    tensor = numpy_helper.from_array(values.astype(np.float16), name + ".half")
    return [tensor], [helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT)]


def _eight(name: str, values: Any) -> tuple[list[Any], list[Any]]:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    axes = (2,) if values.ndim == 3 else tuple(range(1, values.ndim))
    scale = np.maximum(np.abs(values).max(axis=axes, keepdims=True), 1e-8) / 127
    whole = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    tensors = [
        numpy_helper.from_array(whole, name + ".whole"),
        numpy_helper.from_array(scale.astype(np.float32), name + ".scale"),
    ]
    nodes = [
        helper.make_node("Cast", [name + ".whole"], [name + ".wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [name + ".wide", name + ".scale"], [name]),
    ]
    return tensors, nodes
