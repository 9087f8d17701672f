"""What a request costs: prices, charges."""
