"""One HTML file for people from the results folders that evaluations leave."""
