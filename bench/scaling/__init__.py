"""What was measured, carried further: one node's limit, a billion instances, tenants over nodes."""
