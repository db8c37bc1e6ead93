"""What makes the cluster's objects follow their specifications. Decisions are pure functions; loops apply them."""
