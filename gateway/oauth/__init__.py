"""OAuth: tokens for merchants' servers (client credentials) and for their people in the portal (code with PKCE)."""
