"""The ways to ask for an approval: what a resolver of each type does when it is asked."""
