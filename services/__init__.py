"""The services by domain, and `kit`, the plumbing that they share."""
