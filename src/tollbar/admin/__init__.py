"""What operators do, as plain functions over ports; the command line and the admin API are faces of them."""
