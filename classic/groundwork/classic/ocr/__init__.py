"""Reading identity cards and other documents: data, training, evaluation, reading."""
