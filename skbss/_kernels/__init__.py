"""Pure JAX functions on arrays: the mathematics, and nothing else of skbss."""
