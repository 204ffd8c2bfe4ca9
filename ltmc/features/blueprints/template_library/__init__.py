"""Templates of blueprints, one JSON file each; `ltmc.features.blueprints.decomposition` says what they hold."""
