"""The journey of a call, stage by stage. Knows the domain and the ports, nothing else."""
