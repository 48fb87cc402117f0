"""What stands between an estimator and its kernels: precision, devices, loops, input checks."""
