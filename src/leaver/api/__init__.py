"""What programs call: `/api/v1`, and CIPP's `/api/*` for callers that were written for it."""
