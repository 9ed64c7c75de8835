"""Pages of a tenant's million instances, and of what belongs to them."""
