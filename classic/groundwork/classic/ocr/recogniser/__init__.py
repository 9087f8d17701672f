"""The line recogniser: a small convolutional network, two bidirectional LSTMs, CTC."""
