"""How fast it is: figures taken side by side in one run, so that their ratios mean something."""
