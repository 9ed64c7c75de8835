"""What a step, an instance, a tenant and a long history cost: processor, log, rows and bytes."""
