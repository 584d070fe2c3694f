"""The scorer's rules: pure, synchronous, and free of any framework. Time is an argument."""
