"""The recommender: the seed's MLP and the two-stage model, their training and evaluation."""
