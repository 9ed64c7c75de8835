"""What a package brings to an executor."""
