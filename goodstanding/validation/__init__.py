"""Whether a policy predicts: scores of a data set's people against what became of them."""
