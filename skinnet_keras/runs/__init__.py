"""What lies in a run directory, and the samples it trains and is measured on."""
