"""The `ldn-openset` command, one subcommand a file."""
