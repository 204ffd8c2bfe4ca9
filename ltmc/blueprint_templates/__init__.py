"""Templates of blueprints, one JSON file each; `ltmc.services.blueprint_parts` says what they hold."""
