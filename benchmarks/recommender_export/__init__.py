"""The recommender's exported graphs beside naive exports, implicit and a bare dot product."""
