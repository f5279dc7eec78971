"""Jobs whose files lie at addresses: fetched, published, locked and recorded there."""
