"""
Who is asking, and what that lets them do: keys, roles, and the principal of a call.
"""
