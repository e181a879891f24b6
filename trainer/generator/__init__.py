"""The generator: a DCGAN that is conditional on the product category."""
