"""What the models are trained and measured on: drawn lines and cards, and labelled crops from a folder."""
