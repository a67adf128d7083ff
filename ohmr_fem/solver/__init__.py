"""One field, one solution: forms, matrices, linear solvers, resistance, adaptivity."""
