"""Tables of policy, step by step."""
