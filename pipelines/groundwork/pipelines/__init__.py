"""Every batch job as a Kubeflow pipeline, run here by kfp.local and there by a cluster."""
