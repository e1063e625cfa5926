"""What deployed models cost on this machine: time, memory and size, each in its own process."""
