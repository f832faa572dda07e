"""An audit: its tables and figures, its single responses, the recommended group, the bounds."""
