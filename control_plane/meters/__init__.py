"""What of a control plane is measured, beside its calls (control_plane/api/measuring.py)."""
