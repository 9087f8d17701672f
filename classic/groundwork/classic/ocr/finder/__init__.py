"""Finding the card in a picture, and the lines on it once it is straight: two small U-Nets."""
