"""OAuth: tokens for merchants' servers (client credentials) and for their people through the portal (code with PKCE)."""
