"""The live web view: what the page shows, who may ask for it, and the way to the node."""
