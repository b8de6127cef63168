"""What all commands share: command line, flag files, child processes and signals."""
