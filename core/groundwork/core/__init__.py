"""What every part may import: settings, types, errors, money, telemetry."""
