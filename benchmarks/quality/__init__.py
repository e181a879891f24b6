"""Ranking quality of endcap's exported graph and of its peers, on the same held-out cases."""
