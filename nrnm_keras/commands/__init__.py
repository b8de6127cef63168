"""What all commands share: their shell, flag files, child processes and signals."""
