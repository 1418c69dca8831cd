"""A drill: months of mail and acts through the real path at accelerated time, nothing sent to anybody."""
