"""Trained modules as ONNX with weights of 16 bits: half the bytes, computed in 32 bits as before."""

from __future__ import annotations

import io
from typing import Any

# Parameters below this many elements stay at 32 bits; they weigh nothing.
_SMALL = 64


def to_onnx(
    module: Any, example: Any, names: tuple[str, str], dynamic: dict[str, dict[int, str]]
) -> bytes:
    """The module's graph, opset 17, its larger weights kept as float16 and cast when a session opens."""
    import onnx
    import torch

    held = io.BytesIO()
    # The LSTM needs the exporter by tracing: the other one unrolls it.
    torch.onnx.export(
        module.eval(),
        (example,),
        held,
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_axes=dynamic,
        opset_version=17,
        dynamo=False,
    )
    return halved(onnx.load_from_string(held.getvalue()))


def halved(model: Any) -> bytes:
    """The model with its float32 initialisers as float16, each behind a Cast, which onnxruntime folds when it loads."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for initialiser in model.graph.initializer:
        if initialiser.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(initialiser)
        if values.size < _SMALL:
            continue
        name = initialiser.name
        small = numpy_helper.from_array(values.astype(np.float16), name + ".half")
        initialiser.CopyFrom(small)
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    raw: bytes = model.SerializeToString()
    return raw
