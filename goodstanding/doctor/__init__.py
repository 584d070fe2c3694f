"""What is wrong with a deployment, and what to do next. It asks everybody, and changes nothing."""
