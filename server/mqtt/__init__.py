"""The server's side of the broker: a worker that ingests what gateways send and sends them what they need."""
