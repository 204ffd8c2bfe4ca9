"""How the sentence model was made from the published weights, and what it is compared with. Never shipped."""
