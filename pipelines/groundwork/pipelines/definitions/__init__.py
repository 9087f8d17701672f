"""Pipelines as Kubeflow defines them. The modules import kfp and are imported when a pipeline is built.

A component's function is shipped as its source: it sees nothing of its module, so each imports the one function it calls.
Annotations are kfp's, which is why these modules do without `from __future__ import annotations`.
"""
