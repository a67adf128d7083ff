"""Materials, contacts, edges and the problem that they make with a mesh."""
