"""The control plane: owns definitions, instances and tenants; decides, and writes."""
