"""`goodstanding demo --real`: six months of 15,000 real card customers, from a public data set."""
