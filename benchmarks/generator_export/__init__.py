"""The generator's exported graphs beside what other exports make of it."""
