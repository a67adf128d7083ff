"""Many fields, one curve: spectral measure, reduced basis, contact matrix, gate and current."""
