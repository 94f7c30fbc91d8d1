"""What the layer brings."""

GREETING = "from the layer"
