"""From a picture to label, outlier and open-set maps."""
