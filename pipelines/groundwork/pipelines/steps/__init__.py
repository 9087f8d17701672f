"""What the components call: one function a step, with plain values and paths in and out."""
